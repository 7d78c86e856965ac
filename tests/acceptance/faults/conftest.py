"""One stage for all rows, made anew after a row that failed; and the table at the end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol

import pytest

from tests.acceptance.faults.stage import IS_FULL, Stage
from tests.acceptance.faults.table import Row, write_table

ROWS: list[Row] = []
PASSED = pytest.StashKey[bool]()


class NewRow(Protocol):
    """Open a row of the table."""

    def __call__(self, number: str, fault: str) -> Row: ...


class Shared:
    """Hold the stage that rows share, while it is whole."""

    def __init__(self) -> None:
        self.stage: Stage | None = None

    def open(self) -> Stage:
        """Give a whole stage: Redis, the API and two workers."""
        if self.stage is None:
            self.stage = Stage().__enter__()
        self.stage.redis.start()
        if self.stage.api is None or not self.stage.api.is_alive:
            self.stage.start_api()
        self.stage.ensure_workers(2)
        return self.stage

    def close(self) -> None:
        """End it."""
        if self.stage is not None:
            self.stage.close()
            self.stage = None


@pytest.fixture(scope="session")
def shared_stage() -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


@pytest.fixture
def stage(shared_stage: Shared, request: pytest.FixtureRequest) -> Iterator[Stage]:
    yield shared_stage.open()
    if not request.node.stash.get(PASSED, False):
        shared_stage.close()


@pytest.fixture
def new_row() -> NewRow:
    def make(number: str, fault: str) -> Row:
        row = Row(number, fault)
        ROWS.append(row)
        return row

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS and IS_FULL:
        terminalreporter.write_sep("=", "faults")
        terminalreporter.write_line(write_table(ROWS))
