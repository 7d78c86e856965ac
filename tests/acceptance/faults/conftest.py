"""Rigs that rows share, audited after each row and replaced after a failure; and the table at the end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest

from tests.support.faults.report import NewRow, Row, write_table
from tests.support.faults.rig import ProxiedRig, Rig
from tests.support.faults.scale import IS_FULL

S = TypeVar("S", bound=Rig)
ROWS = pytest.StashKey[list[Row]]()
FAILED = pytest.StashKey[bool]()


class Rigs:
    """One rig of each kind, kept while it is intact."""

    def __init__(self, directories: pytest.TempPathFactory) -> None:
        self._directories = directories
        self._held: dict[type[Rig], Rig] = {}

    def lend(self, kind: type[S], node: pytest.Item) -> Iterator[S]:
        """Lend an intact rig to one test, and audit its ledger after the row."""
        rig = self._held.get(kind)
        if not isinstance(rig, kind):
            rig = self._held[kind] = kind(self._directories.mktemp(kind.__name__)).__enter__()
        rig.make_whole()
        yield rig
        try:
            if node.stash.get(FAILED, False):
                self._drop(kind)
            else:
                assert rig.audit() == []
        except BaseException:
            self._drop(kind)
            raise

    def close(self) -> None:
        """Close every rig."""
        for kind in list(self._held):
            self._drop(kind)

    def _drop(self, kind: type[Rig]) -> None:
        self._held.pop(kind).close()


@pytest.fixture(scope="session")
def rigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rigs]:
    held = Rigs(tmp_path_factory)
    yield held
    held.close()


@pytest.fixture
def rig(rigs: Rigs, request: pytest.FixtureRequest) -> Iterator[Rig]:
    yield from rigs.lend(Rig, request.node)


@pytest.fixture
def proxied(rigs: Rigs, request: pytest.FixtureRequest) -> Iterator[ProxiedRig]:
    yield from rigs.lend(ProxiedRig, request.node)


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
