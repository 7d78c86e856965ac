from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobline.cli.engine import STOCK_CELERY, Pool, celery_command, celery_environment
from tests.cli.conftest import Call
from tests.cli.processes_of_tests import environment


def test_worker_becomes_stock_celery_that_stops_on_sigterm(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []

    def execv(_: str, command: list[str]) -> None:
        became.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setenv("REMAP_SIGTERM", "")
    monkeypatch.setenv("CELERY_CUSTOM_WORKER_POOL", "")
    options = ("-c", "3", "--queues", "media,web", "--pool", "threads", "--loglevel", "error", "--name", "w1")
    assert call("worker", *options) == 0
    assert became[0][:7] == [sys.executable, "-P", "-c", STOCK_CELERY, "-A", "jobline.worker.main", "worker"]
    assert " ".join(became[0][7:]) == (
        "--without-mingle --without-gossip -O fair -n w1@%h "
        "--pool custom --concurrency 3 --loglevel error --queues media,web"
    )
    assert os.environ["REMAP_SIGTERM"] == "SIGQUIT"
    assert os.environ["CELERY_CUSTOM_WORKER_POOL"] == "jobline.worker.pools:ThreadPool"


@pytest.mark.parametrize("pool", [Pool.LIGHT, Pool.SOLO])
def test_jobs_that_stand_still_in_a_signal_handler_are_not_waited_for_in_one(pool: Pool) -> None:
    assert celery_environment(pool)["REMAP_SIGTERM"] == ""


def test_worker_serves_all_queues_with_a_slot_a_cpu_unless_told() -> None:
    command = celery_command()
    assert "--queues" not in command
    assert command[command.index("--concurrency") + 1] == str(os.cpu_count())


def test_tasks_module_beside_the_worker_does_not_replace_our_own(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("raise RuntimeError('the wrong tasks')")
    (tmp_path / "mine.py").write_text(
        "from celery import Celery; import jobline.tasks.demo; app = Celery('mine')"
    )
    command = celery_command()
    start = [*command[: command.index("-A")], "-A", "mine", "report"]
    answer = subprocess.run(
        start, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert "the wrong tasks" not in answer.stderr
    assert "software -> celery" in answer.stdout
    assert answer.returncode == 0


def test_two_workers_have_two_names() -> None:
    names = {command[command.index("-n") + 1] for command in (celery_command(), celery_command())}
    assert len(names) == 2
