"""The attempts that a worker holds when its connection is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from jobline.worker.consumer import Consumer
from jobline.worker.prefork import PreforkPool
from jobline.worker.request import JobRequest
from jobline.worker.resources import Resources
from jobline.worker.ticket import HEADER, Ticket


def hold(job_id: str) -> JobRequest:
    """Return a reserved attempt that no process has confirmed."""
    request: JobRequest = JobRequest.__new__(JobRequest)
    request.id = job_id
    request._request_dict = {HEADER: Ticket(job_id, "end.well", 1, 3, 7, 10.0)}
    state.task_reserved(request)
    return request


@pytest.fixture
def held() -> Iterator[list[JobRequest]]:
    requests = [hold("a"), hold("b")]
    yield requests
    for request in requests:
        state.task_ready(request)


def lose_connection(resources: Resources, pool: object) -> None:
    consumer: Any = Consumer.__new__(Consumer)
    consumer.app = SimpleNamespace(resources=resources)
    consumer.pool = pool
    consumer.controller = consumer.timer = None
    consumer.task_buckets = defaultdict(lambda: None)
    consumer.on_close()


def forked(*job_ids: str) -> PreforkPool:
    """Return a pool that has these jobs after a flush."""
    pool: Any = PreforkPool.__new__(PreforkPool)
    pool.flush = lambda: None
    pool._pool = SimpleNamespace(jobs=lambda: set(job_ids))
    return pool  # type: ignore[no-any-return] # Celery is untyped


def test_job_that_no_process_was_given_is_released(resources: Resources, held: list[JobRequest]) -> None:
    lose_connection(resources, forked("b"))
    assert list(state.reserved_requests) == [held[1]]
    release = resources.outbox.get()
    assert release.script.name == "release"
    assert release.args[3:] == ("a", 7)


def test_job_that_the_pool_has_is_kept(resources: Resources, held: list[JobRequest]) -> None:
    lose_connection(resources, forked("a", "b"))
    assert set(state.reserved_requests) == set(held)
    with pytest.raises(Empty):
        resources.outbox.get()


def test_threads_and_coroutines_drop_nothing(resources: Resources, held: list[JobRequest]) -> None:
    lose_connection(resources, SimpleNamespace(flush=lambda: None))
    assert set(state.reserved_requests) == set(held)
    with pytest.raises(Empty):
        resources.outbox.get()
