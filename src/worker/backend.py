"""A Celery result backend over the ledger: reads a job as a stock ``AsyncResult``, settles attempts.

Stock clients see the same state, result, traceback and exception as the API, for all six states. What
Celery's tracer stores for an attempt ends in one settle; what is not an attempt of ours is not stored.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from celery import states
from celery.backends.base import BaseBackend
from celery.exceptions import TimeoutError as CeleryTimeout

from jobline.domain.errors import NotFound
from jobline.domain.record import Record
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Settled
from jobline.worker.outcome import to_command
from jobline.worker.ticket import find_ticket
from jobline.worker.tracer import from_tracer
from jobline.worker.wiring import TENANT, Wiring, wiring_of

logger = logging.getLogger(__name__)


class LedgerBackend(BaseBackend):
    """Answer ``AsyncResult`` from the ledger, and settle what the tracer reports."""

    supports_autoexpire = True
    persistent = True

    @property
    def wiring(self) -> Wiring:
        """Find what the parts of this worker share."""
        return wiring_of(self.app)

    # read

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        return self.read_meta(task_id, watcher="")

    def read_meta(self, task_id: str, watcher: str) -> dict[str, Any]:
        """Read one job as Celery's result meta; an unknown id is PENDING, as Celery has it."""
        try:
            record = self.wiring.recorder.run(commands.jobs.read_job(task_id, TENANT, watcher=watcher))
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
        """Wait for a job's end: told by the ledger, and looking for itself each ``interval``."""
        self._ensure_not_eager()
        me = f"get-{self.wiring.owner}"  # one name a process: a job keeps its watchers' names until it ends
        give_up = None if timeout is None else time.monotonic() + timeout
        with self.wiring.recorder.subscribe(me) as subscription:
            while True:
                meta = self.read_meta(task_id, watcher=me)
                if meta["status"] in states.READY_STATES:
                    return meta
                if on_interval:
                    on_interval()
                left_s = interval if give_up is None else min(interval, give_up - time.monotonic())
                if left_s <= 0:
                    raise CeleryTimeout(f"the job {task_id} did not end in {timeout} s")
                subscription.poll(left_s)

    # settle

    def store_result(
        self,
        task_id: str,  # noqa: ARG002 - the ticket has it
        result: Any,
        state: str,
        traceback: str | None = None,  # noqa: ARG002
        request: Any = None,
        **_: Any,
    ) -> Any:
        """Settle the attempt that ``request`` carries, and go on trying until Redis takes it."""
        ticket = find_ticket(request)
        if ticket is None:
            return result
        command = to_command(ticket, from_tracer(result, state, ticket), self.wiring.retention)
        settled = self.wiring.recorder.run_with_retries(command)
        if isinstance(settled, Settled) and not settled.is_current:
            logger.warning(
                "Job %s: attempt %d of task %s ended too late, its result is dropped; the job is %s.",
                ticket.job_id, ticket.attempt, ticket.task, settled.state,
            )  # fmt: skip
        return result

    def _forget(self, task_id: str) -> None:
        """Keep the job: its life is the ledger's, not one client's."""


def to_meta(record: Record) -> dict[str, Any]:
    """Write a job as Celery's result meta."""
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
