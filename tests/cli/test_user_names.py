"""A user's modules of any name, beside an installed Jobline and beside a checkout of it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from jobline.cli.embedded import free_port
from tests.support.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).parents[2]
#: Names that tutorials use, and that the packages of Jobline have or had.
NAMES = ("tasks", "jobs", "worker", "service", "files", "ledger")
MODULE = """
from jobline import Model, task

class Nothing(Model):
    pass

class Found(Model):
    module: str

@task("{name}.run")
def run(order: Nothing) -> Found:
    import {name}  # once more, where the job runs

    return Found(module={name}.run.function.__module__)
"""
#: How the API and a worker are started, but for the port.
WAYS = {
    "jobline": (["jobline.cli", "api", "--port", "{port}"], ["jobline.cli", "worker", "-c", "1"]),
    "stock": (
        ["uvicorn", "jobline.service.main:app", "--port", "{port}"],
        ["celery", "-A", "jobline.worker.main", "worker", "-c", "1"],
    ),
}


@dataclass(frozen=True)
class Installation:
    """One Jobline: an interpreter that imports it, and what its processes need to know."""

    python: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return next(directory.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install the wheel beside the packages that the tests run with, without this checkout."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # A path in a .pth file is searched, but its own .pth files are not read: the checkout stays out.
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run([*command, "--quiet", "--disable-pip-version-check"], check=True)
    return Installation(str(python), bare_environment())


@pytest.fixture(params=["wheel", "checkout"])
def installation(request: pytest.FixtureRequest) -> Installation:
    if request.param == "wheel":
        made: Installation = request.getfixturevalue("installed")
        return made
    return Installation(sys.executable, {**bare_environment(), "PYTHONPATH": str(ROOT / "src")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a module of each name."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(MODULE.format(name=name))
    return tmp_path


def bare_environment() -> dict[str, str]:
    """Return an environment without settings and without the paths of the tests."""
    left_out = ("JOBLINE_", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


@contextmanager
def running(installation: Installation, words: list[str], folder: Path, redis_url: str) -> Iterator[None]:
    """Run a program of the installation in the user's folder; its output is shown when a test fails."""
    settings = {"JOBLINE_TASKS": ",".join(NAMES), "JOBLINE_REDIS_URL": redis_url}
    process = subprocess.Popen(
        [installation.python, "-P", "-m", *words],
        cwd=folder,
        env={**installation.environment, **settings, "JOBLINE_DATA_DIR": str(folder / "data")},
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        finally:
            process.kill()


def run_each_task(port: int) -> dict[str, str]:
    """Return, for each name, the module in which its task ran."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=DEADLINE_S) as http:

        def is_ready() -> bool:
            try:
                return http.get("/health/ready").is_success
            except httpx.TransportError:
                return False

        wait_until(is_ready, what="the API is ready")
        assert {item["name"] for item in http.get("/v1/tasks").json()["items"]} == {
            f"{name}.run" for name in NAMES
        }
        prefer = {"Prefer": f"wait={DEADLINE_S:g}"}
        jobs = {
            name: http.post(f"/v1/tasks/{name}.run/jobs", json={"input": {}}, headers=prefer).json()
            for name in NAMES
        }
    return {name: job["result"]["module"] if job["state"] == "SUCCESS" else job for name, job in jobs.items()}


@pytest.mark.acceptance
@pytest.mark.parametrize("way", WAYS)
def test_modules_of_any_name_load_and_run(
    way: str, installation: Installation, folder: Path, redis_url: str
) -> None:
    port = free_port()
    with ExitStack() as programs:
        for words in WAYS[way]:
            command = [word.format(port=port) for word in words]
            programs.enter_context(running(installation, command, folder, redis_url))
        assert run_each_task(port) == {name: name for name in NAMES}


@pytest.mark.acceptance
def test_modules_of_any_name_run_under_dev(installation: Installation, folder: Path) -> None:
    port = free_port()
    with running(installation, ["jobline.cli", "dev", "--port", str(port), "-c", "1"], folder, redis_url=""):
        assert run_each_task(port) == {name: name for name in NAMES}


def test_wheel_has_one_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"jobline"}


def test_wheel_has_what_is_not_python(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"{package}/{path.relative_to(ROOT / folder)}"
        for folder, package in {
            "src/jobline": "jobline",
            "src/service": "jobline/service",
            "src/worker": "jobline/worker",
        }.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert "jobline/py.typed" in expected
    assert {Path(name).suffix for name in expected} >= {".js", ".lua", ".typed"}
    assert expected - names == set()


@pytest.mark.parametrize("name", ["service", "worker"])
def test_shell_is_not_imported_a_second_time_under_a_short_name(name: str) -> None:
    script = f"import jobline.{name}, {name}"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**bare_environment(), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr.endswith(f"ImportError: import jobline.{name}\n")
