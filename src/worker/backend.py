"""A Celery result backend over the ledger: it reads jobs for ``AsyncResult``, and reports outcomes.

Stock clients see the same state, result, traceback and exception as the API, in all six states. What Celery's
tracer stores for an attempt becomes one report to the ledger. The result of a task without a ticket is not
stored.

Private names of Celery's backend used, and only here: ``_get_task_meta_for``, ``_forget``,
``_ensure_not_eager``, the hooks that its own backends implement. ``tests/worker/test_backend.py`` fails when
one is renamed.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from celery import states
from celery.backends.base import BaseBackend
from celery.exceptions import TimeoutError as CeleryTimeout

from jobline.domain.access import PUBLIC
from jobline.domain.errors import NotFound
from jobline.domain.record import Record
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Settled
from jobline.worker.outcome import to_command
from jobline.worker.resources import Resources, resources_of
from jobline.worker.ticket import find_ticket
from jobline.worker.tracer import from_tracer

logger = logging.getLogger(__name__)


class LedgerBackend(BaseBackend):
    """The result backend of every Jobline app, in workers and in clients."""

    supports_autoexpire = True
    persistent = True

    @property
    def resources(self) -> Resources:
        """What the parts of this process share."""
        return resources_of(self.app)

    # read

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        return self.read_meta(task_id, subscriber="")

    def read_meta(self, task_id: str, subscriber: str) -> dict[str, Any]:
        """Return one job as Celery's result meta; an unknown id is PENDING, as in Celery."""
        try:
            record = self.resources.recorder.run(
                commands.jobs.read_job(task_id, PUBLIC, subscriber=subscriber)
            )
        except NotFound:
            return {"status": states.PENDING, "result": None, "traceback": None, "task_id": task_id}
        meta: dict[str, Any] = self.meta_from_decoded(to_meta(record))
        return meta

    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,  # noqa: ARG002, FBT001, FBT002 - Celery's own signature
        on_interval: Any = None,
    ) -> dict[str, Any]:
        """Wait for a job's end, which the ledger publishes; read the job each ``interval`` seconds, too."""
        self._ensure_not_eager()
        # One name a process, because a job keeps the names of its watchers until it ends.
        watcher = f"get-{self.resources.owner}"
        give_up = None if timeout is None else time.monotonic() + timeout
        with self.resources.recorder.subscribe(watcher) as subscription:
            while True:
                meta = self.read_meta(task_id, subscriber=watcher)
                if meta["status"] in states.READY_STATES:
                    return meta
                if on_interval:
                    on_interval()
                left_s = interval if give_up is None else min(interval, give_up - time.monotonic())
                if left_s <= 0:
                    raise CeleryTimeout(f"Job {task_id} did not end within {timeout} s.")
                subscription.poll(left_s)

    # report

    def store_result(
        self,
        task_id: str,  # noqa: ARG002 - the ticket has it
        result: Any,
        state: str,
        traceback: str | None = None,  # noqa: ARG002
        request: Any = None,
        **_: Any,
    ) -> Any:
        """Report the outcome of the attempt that ``request`` carries; retry until Redis accepts it."""
        ticket = find_ticket(request)
        if ticket is None:
            return result
        resources = self.resources
        command = to_command(ticket, from_tracer(result, state, ticket), resources.settings.retention)
        settled = resources.recorder.run_with_retries(command)
        if isinstance(settled, Settled) and not settled.is_current:
            logger.warning(
                "Job %s: attempt %d of task %s lost its lease before it ended and changes nothing; job: %s.",
                ticket.job_id, ticket.attempt, ticket.task, settled.state,
            )  # fmt: skip
        return result

    def _forget(self, task_id: str) -> None:
        """Do nothing: one client must not delete a job that others read."""


def to_meta(record: Record) -> dict[str, Any]:
    """Return a job as Celery's result meta."""
    meta: dict[str, Any] = {
        "task_id": record.id,
        "status": record.state.value,
        "result": None,
        "traceback": None,
        "children": [],
        "name": record.task,
        "queue": record.queue,
        "retries": max(0, record.attempt - 1),
        "date_done": record.finished_at.isoformat() if record.finished_at else None,
    }
    if record.state is State.SUCCESS:
        meta["result"] = json.loads(record.result or b"null")
    elif record.state is State.REVOKED:
        reason = record.error.message if record.error else "revoked"
        meta["result"] = {
            "exc_type": "TaskRevokedError", "exc_module": "celery.exceptions", "exc_message": [reason],
        }  # fmt: skip
    elif record.error is not None and record.state in {State.FAILURE, State.RETRY}:
        meta["result"] = {
            "exc_type": "TaskError",
            "exc_module": "jobline.domain.errors",
            "exc_message": [record.error.code, record.error.message],
        }
        meta["traceback"] = record.error.traceback
    return meta
