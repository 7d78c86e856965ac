"""Rules for the tests themselves: shared code is in `tests/support`, keys come from `Key`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from jobline.ledger.keys import DEFAULT_PREFIX

TESTS = Path(__file__).parents[1]
TREES = {path: ast.parse(path.read_text()) for path in sorted(TESTS.rglob("*.py"))}


def test_no_test_imports_a_conftest_or_another_test() -> None:
    found = {
        f"{path.relative_to(TESTS)}: {node.module}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.")
        if node.module.rpartition(".")[2].startswith(("conftest", "test_"))
    }

    assert found == set()


def test_no_test_puts_a_key_together() -> None:
    """Hostile input may look like a key; everything else asks `Key`."""
    hostile = {"support/mutations.py", "service/intake/test_odd_requests.py"}
    found = {
        f"{path.relative_to(TESTS)}: {node.value}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.match(rf"{DEFAULT_PREFIX}[a-z*]", node.value)
        if str(path.relative_to(TESTS)) not in hostile
    }

    assert found == set()
