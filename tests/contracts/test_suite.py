"""Hold the tests themselves to the rules of the house: shared code stands in `tests/support`."""

from __future__ import annotations

import ast
from pathlib import Path

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
