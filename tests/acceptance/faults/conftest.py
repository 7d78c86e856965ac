"""Stages that rows share, audited after each, made anew after one that failed; and the table at the end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol, TypeVar

import pytest

from tests.acceptance.faults.form import IS_FULL
from tests.acceptance.faults.stage import FarStage, Stage
from tests.acceptance.faults.table import Row, write_table

S = TypeVar("S", bound=Stage)
ROWS = pytest.StashKey[list[Row]]()
FAILED = pytest.StashKey[bool]()


class NewRow(Protocol):
    """Open a row of the table."""

    def __call__(self, number: str, fault: str, *, is_stock: bool = False) -> Row: ...


class Stages:
    """Hold one stage of each kind, while it is whole."""

    def __init__(self, directories: pytest.TempPathFactory) -> None:
        self._directories = directories
        self._held: dict[type[Stage], Stage] = {}

    def lend(self, kind: type[S], node: pytest.Item) -> Iterator[S]:
        """Give a whole stage to one test; whatever the row was, the ledger is as it should be afterwards."""
        stage = self._held.get(kind)
        if not isinstance(stage, kind):
            stage = self._held[kind] = kind(self._directories.mktemp(kind.__name__)).__enter__()
        stage.make_whole()
        yield stage
        try:
            if node.stash.get(FAILED, False):
                self._drop(kind)
            else:
                assert stage.audit() == []
        except BaseException:
            self._drop(kind)
            raise

    def close(self) -> None:
        """End all."""
        for kind in list(self._held):
            self._drop(kind)

    def _drop(self, kind: type[Stage]) -> None:
        self._held.pop(kind).close()


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    held = Stages(tmp_path_factory)
    yield held
    held.close()


@pytest.fixture
def stage(stages: Stages, request: pytest.FixtureRequest) -> Iterator[Stage]:
    yield from stages.lend(Stage, request.node)


@pytest.fixture
def far(stages: Stages, request: pytest.FixtureRequest) -> Iterator[FarStage]:
    yield from stages.lend(FarStage, request.node)


@pytest.fixture
def new_row(request: pytest.FixtureRequest) -> NewRow:
    def make(number: str, fault: str, *, is_stock: bool = False) -> Row:
        row = Row(number, fault, is_stock=is_stock)
        request.config.stash.setdefault(ROWS, []).append(row)
        request.node.stash.setdefault(ROWS, []).append(row)
        return row

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for row in item.stash.get(ROWS, []):
            row.has_failed = True
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(ROWS, []) if IS_FULL else []
    for title, is_stock in (("faults", False), ("the same faults with stock Celery", True)):
        if shown := [row for row in rows if row.is_stock is is_stock]:
            terminalreporter.write_sep("=", title)
            terminalreporter.write_line(write_table(shown))
