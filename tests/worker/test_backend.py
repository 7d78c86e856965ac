from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from celery.app.task import Context
from celery.backends import base
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as CeleryTimeout
from celery.result import AsyncResult

from jobline.domain.errors import TaskError
from jobline.domain.settings import Settings
from jobline.domain.state import State
from jobline.ledger.keys import Key
from jobline.worker import backend
from jobline.worker.app import build_celery
from jobline.worker.outcome import Succeeded
from jobline.worker.ticket import HEADER, Ticket
from tests.support.ledger import Ledger
from tests.support.worker import REGISTRY


def test_private_hooks_of_celerys_backend_exist() -> None:
    named = re.findall(r"``(_\w+)``", str(backend.__doc__))
    assert set(named) == {"_get_task_meta_for", "_forget", "_ensure_not_eager"}
    source = inspect.getsource(base)
    for name in named:
        assert re.search(rf"self\.{name}\b", source), name


@pytest.fixture
def app(live_settings: Settings) -> Any:
    return build_celery(REGISTRY, live_settings)


def make_job(ledger: Ledger, state: State) -> str:
    """Make a job in a state, and return its id."""
    if state is State.PENDING:
        return ledger.submit()
    if state is State.REVOKED:
        job_id = ledger.submit()
        ledger.cancel(job_id)
        return job_id
    job = ledger.start()
    if state is State.RETRY:
        ledger.retry(job, 60_000)
    elif state is State.SUCCESS:
        ledger.succeed(job, {"a": [1]})
    elif state is State.FAILURE:
        ledger.fail(job)
    return job.id


@pytest.mark.parametrize("state", State)
def test_meta_says_what_the_ledger_says(app: Any, ledger: Ledger, state: State) -> None:
    job_id = make_job(ledger, state)
    meta = AsyncResult(job_id, app=app)._get_task_meta()
    assert (meta["status"], meta["task_id"], meta["name"], meta["queue"]) == (
        ledger.read(job_id).state, job_id, "demo.add", "default",
    )  # fmt: skip
    if state is State.SUCCESS:
        assert meta["result"] == {"a": [1]}
    elif state in {State.FAILURE, State.RETRY}:
        assert isinstance(meta["result"], TaskError)
        assert meta["result"].code in {"demo.broken", "demo.flaky"}
    elif state is State.REVOKED:
        assert isinstance(meta["result"], TaskRevokedError)
    else:
        assert meta["result"] is None
    assert AsyncResult(job_id, app=app).ready() == state.is_terminal


def test_unknown_id_is_pending_as_celery_has_it(app: Any, ledger: Ledger) -> None:
    assert AsyncResult("nobody", app=app).state == "PENDING"


def test_waiting_clients_of_one_process_are_one_watcher(app: Any, ledger: Ledger) -> None:
    job = ledger.start()
    for _ in range(3):
        with pytest.raises(CeleryTimeout):
            AsyncResult(job.id, app=app).get(timeout=0.01)
    subscribers: Any = ledger.redis.hget(Key.JOB.of(job.id), "subscribers")
    assert len(subscribers.split()) == 1


def test_forget_keeps_the_job(app: Any, ledger: Ledger) -> None:
    job_id = make_job(ledger, State.SUCCESS)
    AsyncResult(job_id, app=app).forget()
    assert ledger.read(job_id).state is State.SUCCESS


def test_result_of_a_task_without_a_ticket_is_not_stored(app: Any, ledger: Ledger) -> None:
    before = ledger.snapshot()
    app.backend.store_result("foreign", 1, "SUCCESS", request=None)
    app.backend.store_result("foreign", 1, "SUCCESS", request=Context(id="foreign"))
    assert ledger.snapshot() == before


def test_report_of_the_tracer_settles_the_attempt(app: Any, ledger: Ledger) -> None:
    job = ledger.start()
    request = Context({"id": job.id, HEADER: Ticket.of(job)})
    app.backend.store_result(job.id, Succeeded(b"[1]"), "SUCCESS", request=request)
    assert (ledger.read(job.id).state, ledger.read(job.id).result) == (State.SUCCESS, b"[1]")


def test_late_report_writes_nothing_and_is_logged(
    app: Any, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    job = ledger.start()
    request = Context({"id": job.id, HEADER: Ticket.of(job)._replace(fence=job.fence - 1)})
    app.backend.store_result(job.id, Succeeded(b"[1]"), "SUCCESS", request=request)
    assert ledger.read(job.id).state is State.STARTED
    assert f"Job {job.id}: attempt 1 of task demo.add lost its lease before it ended" in caplog.text
