"""A kombu transport over the ledger: put = submit, get = claim.

The stock Redis transport pops a message and notes it as unacknowledged in two steps; a crash between them
loses it, and a visibility timeout delivers long jobs twice. Here nothing is popped: a waiting job stays in
the ledger until one script claims it under a lease. So there is no unacknowledged set, nothing to restore,
and an acknowledgement means nothing. What is not a task (remote control, its replies, events) goes the stock
way.

How an idle worker waits: ``BRPOP wake:<queue>`` on the event loop, a token for each submit. How it takes: the
claim script, sent on that same connection and read when it answers, so that the loop never blocks. A token
that a dying worker swallowed costs a second, for the loop claims at least that often; never a job.

A claim whose reply is lost, because the connection or Redis breaks in between, started jobs that nobody will
run. So the worker remembers, past the connection, that a claim is unread; before its next one it disowns it,
and those jobs wait again, their attempts uncounted. A channel that closes leaves its claim unread, too.
Claims are sent, read and disowned on the event loop's thread alone, whatever the pool; when that has ended,
the pulse disowns what is left.

Private names of kombu used, and only here: ``_put``, ``_get``, ``_size``, ``_purge``, ``_brpop_start``,
``_brpop_read``, ``_in_poll``, ``_brpop_sent_at``, ``_deliver``: the virtual transport's own hooks, which have
no public form. ``tests/worker/test_transport.py`` fails when one is renamed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from queue import Empty
from time import monotonic
from typing import Any, TypeVar

from celery.worker import state
from kombu.transport import redis as stock
from kombu.transport import virtual
from redis.exceptions import NoScriptError, ResponseError

from jobline.domain.errors import JoblineError, LedgerUnavailable
from jobline.domain.record import Failure
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Disowned
from jobline.ledger.commands.command import Command
from jobline.ledger.scripts import Script
from jobline.worker.message import Message, to_message, to_submission
from jobline.worker.outcome import Released, RetryLater, to_command
from jobline.worker.ticket import Ticket
from jobline.worker.wiring import TENANT, Wiring

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Milliseconds until a job whose task this worker does not know is offered again.
UNKNOWN_TASK_DELAY_MS = 5_000


def is_task_queue(queue: str) -> bool:
    """Claim that a queue holds jobs; the replies of remote control come through queues of their own."""
    return not queue.endswith(".celery.pidbox")


class QoS(virtual.QoS):
    """Count nothing and restore nothing: the lease is the acknowledgement."""

    def can_consume(self) -> bool:
        """Claim that a slot of the pool is free; a channel that takes no jobs (remote control) always may.

        A reply that is due is read in any case: what a claim started must not wait for its own slot.
        """
        channel = self.channel
        return bool(channel.is_asking or not channel.takes_jobs() or channel.free_slots() > 0)

    def append(self, message: Any, delivery_tag: str) -> None:
        """Keep no delivered message."""

    def ack(self, delivery_tag: str) -> None:
        """Do nothing: settle ends an attempt."""

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's own
        """Do nothing: the lease brings the job back."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Do nothing: nothing was taken away."""

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """Do nothing: there is no visibility timeout."""


class Channel(stock.Channel):
    """Submit what is put, claim what is to be got."""

    QoS = QoS
    Message = Message
    from_transport_options = (*stock.Channel.from_transport_options, "wiring")

    wiring: Wiring

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._claim_next = True
        #: What was sent and not read: a script, or none where it is a BRPOP, and what takes the reply.
        self._asked: tuple[Script | None, Callable[[Any], bool]] | None = None
        self._slots = 0
        self._disown_after = ""
        super().__init__(*args, **kwargs)

    def takes_jobs(self) -> bool:
        """Claim that this channel consumes queues of jobs."""
        return any(is_task_queue(queue) for queue in self.active_queues)

    @property
    def is_asking(self) -> bool:
        """Claim that a reply of the ledger is due."""
        return self._asked is not None

    def free_slots(self) -> int:
        """Say how many jobs the pool could start now."""
        if self.wiring.light and self.wiring.light.is_stuck():
            return 0
        return self.wiring.loop.capacity - len(state.reserved_requests)

    # put

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        name = (message.get("headers") or {}).get("task")
        if name is None:
            super()._put(queue, message, **kwargs)
            return
        task = self.wiring.registry.get(name)
        order = to_submission(
            task,
            message["headers"],
            self.Message(message, channel=self).decode(),
            queue=queue,
            priority=message["properties"].get("priority"),
            tenant=TENANT,
        )
        command = commands.submitting.submit(order, queue_limit=self.wiring.settings.queue_limit)
        self.wiring.recorder.run(command).accepted()

    # get

    def _brpop_start(self, timeout: float | None = None) -> None:
        if not self.takes_jobs():
            super()._brpop_start(timeout)
            return
        queues = self._queue_cycle.consume(len(self.active_queues))
        connection = self.client.connection
        self._in_poll = connection
        self._brpop_sent_at = monotonic()
        unread = self.wiring.claims.unread
        if not self._claim_next:
            words = self.wiring.recorder.to_wait_words(queues, timeout or self.brpop_timeout)
            self._asked = None, self._take_token
            connection.send_command(*words)
        elif unread is None:
            self._ask(self._claim(queues), self._take_claimed)
        else:
            command = commands.attempts.disown(
                self.wiring.owner, unread, self.wiring.retention, self._disown_after
            )
            self._ask(command, self._take_disowned)

    def _claim(self, queues: Sequence[str]) -> Command[list[Claimed]]:
        self._slots = max(1, self.free_slots())
        return commands.attempts.claim(
            self.wiring.owner,
            queues,
            slots=self._slots,
            lease_ms=self.wiring.settings.lease_ms,
            retention=self.wiring.retention,
            limits=self.wiring.limits,
            number=self.wiring.claims.send(),
        )

    def _ask(self, command: Command[T], take: Callable[[T], bool]) -> None:
        self._asked = command.script, lambda reply: take(command.read(reply))
        self.client.connection.send_command(*self.wiring.recorder.to_words(command))

    def _brpop_read(self, **options: Any) -> Any:
        if self._asked is None:
            return super()._brpop_read(**options)
        (script, take), self._asked = self._asked, None
        connection = self.client.connection
        try:
            reply = self.client.parse_response(connection, "EVALSHA" if script else "BRPOP", **options)
        except NoScriptError:
            self.wiring.recorder.load(script) if script else None
            raise Empty from None
        except ResponseError as error:
            logger.warning("the ledger refused a claim, trying again: %s", error)
            self._claim_next = False
            raise Empty from None
        except self.connection_errors:
            connection.disconnect()
            raise
        finally:
            self._in_poll = None
        if not take(reply):
            raise Empty
        return True

    def _take_token(self, _: object) -> bool:
        self._claim_next = True
        return False

    def _take_claimed(self, claimed: list[Claimed]) -> bool:
        self.wiring.claims.unread = None
        self._claim_next = len(claimed) == self._slots
        for job in claimed:
            self._hand_over(job)
        return bool(claimed)

    def _take_disowned(self, disowned: Disowned) -> bool:
        self._disown_after = disowned.after
        if not disowned.after:
            self.wiring.claims.unread = None
        for job_id in disowned.jobs:
            logger.warning("job %s waits again: the reply of its claim was lost", job_id)
        return False

    def _hand_over(self, job: Claimed) -> None:
        if job.queue not in self.active_queues:  # `celery control cancel_consumer` came in between
            self.wiring.report(Ticket.of(job), Released())
            return
        if job.task in self.wiring.registry.tasks:
            self.connection._deliver(to_message(job), job.queue)  # noqa: SLF001 - see the module's head
            return
        failure = Failure(
            "task-not-registered",
            self.wiring.registry.why_missing(job.task),
            retryable=True,
            attempt=job.attempt,
        )
        try:
            outcome = RetryLater(failure, UNKNOWN_TASK_DELAY_MS)
            self.wiring.recorder.run(to_command(Ticket.of(job), outcome, self.wiring.retention))
        except JoblineError as error:
            logger.warning("job %s of the unknown task %s keeps its lease: %s", job.id, job.task, error)

    def close(self) -> None:
        """Wait for no reply: a token may get lost, and of a claim nobody would run the jobs."""
        if self._asked:
            self._in_poll = self._asked = None
        super().close()

    def _get(self, queue: str) -> Any:
        if is_task_queue(queue):
            raise Empty
        return super()._get(queue)

    def _size(self, queue: str) -> int:
        if is_task_queue(queue):
            try:
                return self.wiring.recorder.run(commands.queues.read_queue(queue)).depth
            except LedgerUnavailable as error:
                raise ConnectionError(str(error)) from error  # as kombu expects it of a lost connection
        return int(super()._size(queue))

    def _purge(self, queue: str) -> int:
        """Refuse: an accepted job is never dropped unseen. Cancel jobs instead."""
        return 0 if is_task_queue(queue) else int(super()._purge(queue))

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        if not is_task_queue(queue):
            super()._delete(queue, *args, **kwargs)


class Transport(stock.Transport):
    """Be kombu's Redis transport with the ledger's channel."""

    Channel = Channel
    #: A batch of messages would leave the submit script out.
    supports_batch_publish = False
