"""Rules for the repository as a whole: no address of a machine, complete locks, layout, reasons."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements.runtime.lock", "requirements.dev-server.lock")
TARGETS = [
    *("help", "setup", "run", "demo", "test", "faults", "check", "fix"),
    *("openapi", "env", "bench", "profile", "sdk", "lock", "clean"),
]
LAYOUT = {
    ".ci/run",
    ".env.example",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "compose.yaml",
    "docs/openapi.json",
    "pyproject.toml",
    "src/jobline/files/__init__.py",
    "src/jobline/__init__.py",
    "src/service/__init__.py",
    "src/jobline/tasks/__init__.py",
    "src/worker/__init__.py",
    "tests/contracts/test_repository.py",
}
# What pydantic itself needs and its documentation imports from.
PYDANTIC = {"annotated_types", "pydantic", "pydantic_core", "pydantic_settings", "typing_extensions"}
RULES_MAY_IMPORT = {"jobline", *PYDANTIC, *sys.stdlib_module_names}

#: Dependencies that work without an import of ours.
NOT_IMPORTED = {
    "fastapi-offline": "its static files are served by the name of the package",
}

# A package index is named by an option of a client, by its simple API, or by a registry's tarballs.
INDEX_OPTION = re.compile(
    r"(?:--(?:extra-|default-)?index-url|--find-links|--registry|--trusted-host)[= ]+(?=[\w/])(\S+)"
    r"|\b(?:PIP|UV)_(?:(?:EXTRA_|DEFAULT_)?INDEX(?:_URL)?|FIND_LINKS)\s*[=:]\s*(\S+)"
    r"|^\s*(?:(?:extra-|default-)?index-url|find-links|registry)\s*=\s*(\S*://\S+)",
    re.MULTILINE,
)
INDEX_URL = re.compile(
    r"""https?://[^\s"'<>]*?(?:/simple\b|/packages/[0-9a-f]{2}/|/-/[\w.-]+\.tgz)[^\s"'<>]*"""
)
PUBLIC_INDEX = re.compile(r"""^["']?https://pypi\.org/""")
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:work/|root/|tmp/venv\b)")


def test_no_committed_file_names_a_package_index() -> None:
    found = [
        f"{path}: {match.group(0).strip()}"
        for path, text in _committed_texts()
        for pattern in (INDEX_OPTION, INDEX_URL)
        for match in pattern.finditer(text)
        if not PUBLIC_INDEX.match(match.group(match.lastindex or 0))
    ]

    assert found == []


def test_no_committed_file_names_a_path_of_a_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in _committed_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install --index-url https://index.example/simple x",
        "PIP_EXTRA_INDEX_URL=https://index.example",
        "index-url = https://index.example",
        '"resolved": "https://npm.example/x/-/x-1.0.0.tgz"',
        "https://files.example/packages/ab/cd/x-1.0-py3-none-any.whl",
    ],
)
def test_an_index_is_recognised(line: str) -> None:
    assert INDEX_OPTION.search(line) or INDEX_URL.search(line)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_with_hashes_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.findall(r"^\S.*?(?=^\S|\Z)", _without_comments(text), re.MULTILINE | re.DOTALL)

    assert entries
    assert [entry for entry in entries if not re.match(r"[a-z0-9][\w.-]*==[\w.!+]+[\s;]", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in _without_comments(text)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_every_declared_dependency(lock: str) -> None:
    pins = _pins(lock)
    unmet = [
        str(requirement)
        for requirement in _declared(lock)
        if (pin := pins.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(pin, prereleases=True)
    ]

    assert unmet == [], "run `make lock`"


def test_the_container_gets_the_versions_that_the_tests_ran_on() -> None:
    tested = _pins("requirements.lock").items()

    assert _pins("requirements.runtime.lock").items() - tested == set()
    assert _pins("requirements.dev-server.lock").items() - tested == set()


def test_every_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    imported = {root for path in (ROOT / "src").rglob("*.py") for root in _imported_roots(path.read_text())}
    used = {canonicalize_name(one) for root in imported for one in packages_distributions().get(root, ())}

    assert names - used == NOT_IMPORTED.keys()


def test_what_runs_needs_no_tool_of_the_tests() -> None:
    tools = {"mypy", "pytest", "ruff", "hypothesis", "schemathesis", "import-linter", "uv"}

    assert tools & _pins("requirements.dev-server.lock").keys() == set()
    assert _pins("requirements.runtime.lock").keys() <= _pins("requirements.dev-server.lock").keys()


@pytest.mark.parametrize("target", TARGETS)
def test_make_target_is_documented(target: str) -> None:
    assert re.search(rf"^{target}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_alone_lists_the_targets() -> None:
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - make is found on PATH, as by a person

    assert [line.split()[0] for line in listed.splitlines()] == TARGETS


def test_every_linter_exclusion_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    excluded = lint["ignore"] + [code for codes in lint["per-file-ignores"].values() for code in codes]
    explained = re.findall(r'^\s+"([A-Z]+\d*)",  # \S.+', text, re.MULTILINE)

    assert lint["select"] == ["ALL"]
    assert sorted(explained) == sorted(excluded)


def test_the_rules_import_pydantic_and_the_standard_library_alone() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {root}"
        for path in (ROOT / "src/jobline/domain").rglob("*.py")
        for root in _imported_roots(path.read_text())
        if root not in RULES_MAY_IMPORT
    }

    assert found == set()


def test_the_house_has_its_rooms() -> None:
    assert LAYOUT - set(_committed_paths()) == set()


def test_ci_script_may_be_executed() -> None:
    assert _git("ls-files", "--stage", ".ci/run").startswith("100755 ")


def _committed_texts() -> list[tuple[str, str]]:
    """Return path and text of every committed file that is text and still there."""
    texts = []
    for path in _committed_paths():
        if (file := ROOT / path).is_file() and not file.is_symlink():
            content = file.read_bytes()
            if b"\0" not in content and file != Path(__file__):
                texts.append((path, content.decode(errors="replace")))
    return texts


def _committed_paths() -> list[str]:
    return _git("ls-files", "-z").rstrip("\0").split("\0")


@cache
def _git(*arguments: str) -> str:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")  # as in an unpacked source archive: nothing is committed there
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607 - git is found on PATH, as by a person


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)


def _pins(lock: str) -> dict[str, str]:
    """Return the pinned version of each package; of one pinned twice (by platform), the last."""
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([\w.!+]+)", (ROOT / lock).read_text(), re.MULTILINE))


def _declared(lock: str) -> list[Requirement]:
    """Return the requirements that the lock was made from, without references to the project itself."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    lines = project["dependencies"] + groups["build"] + pyproject["build-system"]["requires"]
    for extra, requirements in project["optional-dependencies"].items():
        if extra != "dev-server" or lock != "requirements.runtime.lock":
            lines += requirements
    if lock == "requirements.lock":
        lines += [line for line in groups["dev"] if isinstance(line, str)]
    return [requirement for line in lines if (requirement := Requirement(line)).name != project["name"]]


def _imported_roots(source: str) -> set[str]:
    """Return the top-level names that a module imports, wherever in it."""
    roots = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots
