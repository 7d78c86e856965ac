"""The projects of examples/ as a stranger uses them: copied, tested, served, and asked by curl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobline.cli.embedded import bind_to_parent, free_port
from jobline.testing import service
from tests.support.checkers import CHECKERS, Checker
from tests.support.images import encode, quarters

EXAMPLES = Path(__file__).parents[2] / "examples"
ADDRESS = "http://127.0.0.1:8000"
PROJECTS = sorted(path.name for path in EXAMPLES.iterdir() if (path / "tasks.py").is_file())

pytestmark = pytest.mark.acceptance


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of a project, outside of this repository."""
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


def test_there_are_three_projects() -> None:
    assert PROJECTS == ["prices", "report", "thumbnails"]


@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_its_own_tests_pass(project: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q"]
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # none of the plugins of our own tests
    done = subprocess.run(command, cwd=project, env=plain, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[3-9] passed", done.stdout)


@pytest.mark.parametrize("check", CHECKERS)
@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_its_types_are_right(project: Path, check: Checker) -> None:
    assert check(project).errors == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("project", PROJECTS, indirect=True)
def test_commands_of_its_readme_lead_to_a_result(project: Path) -> None:
    (project / "photo.jpg").write_bytes(encode(quarters(640, 320), "JPEG"))
    commands = re.findall(
        r"^```sh\n(.*?)^```$", (project / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )

    with shop(project) as shop_url, service("tasks", environment=environment(project, shop_url)) as api:
        script = 'curl() { command curl --fail "$@"; }\n' + commands[0].replace(ADDRESS, api.url)
        done = subprocess.run(
            ["sh", "-eu", "-c", script],  # noqa: S607 - the reader's own shell
            cwd=project,
            env={**os.environ, "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state":"SUCCESS"' in done.stdout, done.stdout


def environment(project: Path, shop_url: str) -> dict[str, str]:
    return {"PYTHONPATH": str(project), "SHOP_URL": shop_url}


@contextmanager
def shop(project: Path) -> Iterator[str]:
    """Run the shop of a project that has one."""
    if not (project / "shop.py").is_file():
        yield ""
        return
    port = free_port()
    command = bind_to_parent([sys.executable, str(project / "shop.py"), str(port)])
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_tests_of_the_documentation_pass(tmp_path: Path) -> None:
    """Those of docs/testing.md, for the README's module of photos."""
    readme, page = (EXAMPLES.parent / name for name in ("README.md", "docs/testing.md"))
    (photos,) = (block for block in python_blocks(readme) if block.startswith("# photos.py"))
    (tmp_path / "photos.py").write_text(photos)
    (tmp_path / "photo.jpg").write_bytes(encode(quarters(640, 320), "JPEG"))
    for number, block in enumerate(python_blocks(page)):
        (tmp_path / f"test_{number}.py").write_text(block)

    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
