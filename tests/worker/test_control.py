"""Remote control that goes by the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from celery.result import AsyncResult
from celery.worker.control import Panel

from jobline.domain.settings import Settings
from jobline.domain.state import State
from jobline.worker.app import build_celery
from jobline.worker.control import revoke, shutdown
from tests.support.ledger import Ledger
from tests.support.worker import REGISTRY


@pytest.fixture
def app(live_settings: Settings) -> Any:
    return build_celery(REGISTRY, live_settings)


def test_revoke_of_a_waiting_job_is_a_cancel_at_once(app: Any, ledger: Ledger) -> None:
    """A client that revokes must not depend on a worker, nor see the job wait until it is due."""
    jobs = [ledger.submit(task="end.well", queue="media", **more) for more in ({}, {"delay_ms": 60_000})]
    AsyncResult(jobs[0], app=app).revoke()
    app.control.revoke([jobs[1], "unknown"])
    assert [ledger.read(job).state for job in jobs] == [State.REVOKED] * 2
    assert ledger.claim("media", slots=5) == []


def test_revoke_of_a_running_job_asks_it_to_stop(app: Any, ledger: Ledger) -> None:
    """It ends as a cancelled job ends, whatever its worker."""
    job = ledger.start(task="end.well", queue="media")
    app.control.revoke(job.id)
    assert ledger.read(job.id).cancel_requested


def test_command_of_a_worker_cancels_too(app: Any, ledger: Ledger) -> None:
    """`celery control revoke` speaks to workers alone."""
    job = ledger.submit(task="end.well", queue="media")
    panel = type("Panel", (), {"app": app})
    assert Panel.data["revoke"](panel, task_id=[job])["ok"]
    ledger.run(app.resources.outbox.get())
    assert ledger.read(job).state is State.REVOKED


def test_commands_of_celery_are_replaced() -> None:
    """Celery's own revoke keeps ids in memory; its shutdown ends the event loop under running jobs."""
    assert (Panel.data["revoke"], Panel.data["shutdown"]) == (revoke, shutdown)
