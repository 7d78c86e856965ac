"""`jobline dev --reload` in the folder that `jobline init` wrote: a person's first minutes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from jobline.cli.commands.init import project_files
from jobline.cli.embedded import free_port
from jobline.cli.supervision.reload import watched_folders
from tests.support.processes import JOBLINE, Program, environment
from tests.support.waiting import DEADLINE_S, wait_until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in project_files().items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def port() -> int:
    return free_port()


@contextmanager
def start_dev(project: Path, port: int) -> Iterator[Program]:
    settings = {name: value for name, value in environment().items() if not name.startswith("JOBLINE_")}
    command = [*JOBLINE, "dev", "--reload", "--port", str(port), "-c", "1"]
    program = Program("dev", command, project, {**settings, "JOBLINE_STOP_GRACE_S": "1"})
    try:
        yield program
    finally:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(DEADLINE_S)
        finally:
            program.kill()
            sys.stdout.write(program.output())  # pytest shows it when the test fails


@pytest.fixture
def dev(project: Path, port: int) -> Iterator[Program]:
    with start_dev(project, port) as program:
        wait_until(lambda: "watching" in program.output(), what="dev is ready")
        yield program


def count_words(port: int) -> dict[str, object]:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/tasks/words.count/jobs",
        json={"input": {"text": "to be or not"}},
        headers={"Prefer": "wait=20"},
        timeout=DEADLINE_S,
        trust_env=False,
    )
    result: dict[str, object] = answer.json()["result"]
    return result


@pytest.mark.acceptance
@pytest.mark.slow
def test_new_project_runs_and_a_change_is_loaded(dev: Program, project: Path, port: int) -> None:
    assert "task modules: tasks (JOBLINE_TASKS in .env)" in dev.output()
    assert "jobline submit words.count --watch --text text --url" in dev.output()
    assert count_words(port) == {"words": 4, "longest": "not"}
    tasks = project / "tasks.py"
    good = tasks.read_text()

    tasks.write_text(f"{good}\ndef (\n")
    wait_until(lambda: "not reloaded" in dev.output(), what="the error is shown")
    (line,) = [line for line in dev.output().splitlines() if "not reloaded" in line]
    place = f"{tasks}:{len(good.splitlines()) + 2}"
    assert line.endswith(f"cannot load the task module 'tasks': SyntaxError: invalid syntax ({place})")
    assert count_words(port) == {"words": 4, "longest": "not"}

    tasks.write_text(
        good.replace("key=len", "key=ord_of").replace(
            "@task", "def ord_of(word: str) -> str:\n    return word\n\n\n@task"
        )
    )
    wait_until(lambda: "reloaded in" in dev.output(), what="the change is loaded")
    assert count_words(port) == {"words": 4, "longest": "to"}
    assert "ended unexpectedly" not in dev.output()


@pytest.mark.acceptance
@pytest.mark.slow
def test_modules_that_do_not_load_at_start_are_tried_at_the_next_save(project: Path, port: int) -> None:
    """A typo is found by the first start as often as by a later save; neither ends the watch."""
    tasks = project / "tasks.py"
    good = tasks.read_text()
    tasks.write_text(f"{good}\ndef (\n")
    with start_dev(project, port) as program:
        wait_until(lambda: "the next save is tried" in program.output(), what="the error is shown")
        assert "not started: cannot load the task module 'tasks': SyntaxError" in program.output()

        def is_ready() -> bool:  # a save is repeated: the first one may come before the watch has begun
            tasks.write_text(good)
            return "ready in" in program.output()

        wait_until(is_ready, what="dev is ready")
        assert count_words(port) == {"words": 4, "longest": "not"}


def test_working_directory_is_watched_instead_of_the_folders_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert watched_folders([tmp_path / "shop", tmp_path]) == [tmp_path]
    assert watched_folders([Path("/elsewhere/a"), Path("/elsewhere/a/b")]) == [Path("/elsewhere/a")]
