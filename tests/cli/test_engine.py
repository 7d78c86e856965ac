from __future__ import annotations

import os
import sys

import pytest

from jobline.cli.supervision.engine import celery_command
from tests.support.cli import Call


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
    assert became[0][:7] == [sys.executable, "-P", "-m", "celery", "-A", "jobline.worker.main", "worker"]
    assert " ".join(became[0][7:]) == (
        "--without-mingle --without-gossip -O fair -n w1@%h "
        "--pool custom --concurrency 3 --loglevel error --queues media,web"
    )
    assert os.environ["REMAP_SIGTERM"] == "SIGQUIT"
    assert os.environ["CELERY_CUSTOM_WORKER_POOL"] == "jobline.worker.pools:ThreadPool"


def test_worker_serves_all_queues_with_a_slot_a_cpu_unless_told() -> None:
    command = celery_command()
    assert "--queues" not in command
    assert command[command.index("--concurrency") + 1] == str(os.cpu_count())


def test_two_workers_have_two_names() -> None:
    names = {command[command.index("-n") + 1] for command in (celery_command(), celery_command())}
    assert len(names) == 2
