"""The documentation matches the tree: each path and each name of the code that a page mentions exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [path for name in TOP if (path := ROOT / name).exists()] + sorted((ROOT / "docs").rglob("*.md"))
#: The top folders whose paths are committed; what is generated is not looked for.
FOLDERS = "src|tests|docs|benchmarks|scripts|sdk|examples|deploy"
MADE = {"sdk/node_modules"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_a_page_names_exist(page: Path) -> None:
    found = re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*+(?!<)", page.read_text())  # no test_<noun>.py
    named = {path.rstrip("./") for path in found}

    assert [path for path in sorted(named - MADE) if not is_there(path, page.parent)] == []


def is_there(path: str, folder: Path) -> bool:
    """Return whether a path exists, from the root or, as a link, from the page's folder."""
    return (ROOT / path).exists() or (folder / path).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_of_the_code_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?<![\w./:-])jobline(?:\.\w+)+(?::\w+)?", page.read_text()))

    assert [name for name in sorted(named) if not exists(name)] == []


def exists(name: str) -> bool:
    """Return whether a dotted name is a module of Jobline, or something in one."""
    parts = name.replace(":", ".").split(".")
    rest: list[str] = []
    while parts:
        try:
            found: Any = import_module(".".join(parts))
        except ModuleNotFoundError:
            rest.insert(0, parts.pop())
            continue
        for one in rest:
            found = getattr(found, one, None)
        return found is not None
    return False


def test_benchmarks_page_is_written_from_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, tables = import_module("benchmarks.report"), import_module("benchmarks.__main__").TABLES
    monkeypatch.setattr(report, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(report, "PICTURES", tmp_path / "pictures")
    results = report.read()

    report.write(results)

    assert (tmp_path / "benchmarks.md").read_text() == (ROOT / "docs/benchmarks.md").read_text()
    assert {name: (table["title"], table["text"]) for name, table in results.items()} == {
        name: (tables[name].title, tables[name].text) for name in results
    }
