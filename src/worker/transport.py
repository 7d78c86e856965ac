"""A kombu transport over the ledger: put = submit, get = claim.

The stock Redis transport pops a message and records it as unacknowledged in two steps: a crash between them
loses it, and a visibility timeout delivers long jobs twice. Here nothing is popped. A waiting job stays in
the ledger until one script claims it under a lease. So there is no set of unacknowledged messages, nothing
to restore, and an acknowledgement does nothing. Messages other than tasks (remote control, its replies,
events) use the stock transport.

An idle worker waits with ``BRPOP`` on the wake-up lists of its queues, where each submit leaves a token.
Then it sends the claim script on the same connection, and the event loop reads the reply when it arrives, so
the loop never blocks. A token that a dying worker popped costs a second, for each worker claims at least
that often; it never costs a job.

When the connection or Redis breaks before the reply of a claim arrives, that claim has started jobs that
nobody runs. So the worker remembers, across connections, that a claim is unread. Before its next claim it
releases that one: its jobs wait again, and their attempts do not count. A channel that closes leaves its
claim unread, too. Claims are sent, read and released on the event loop's thread only, in every pool; when
the loop has ended, the pulse releases the last one.

Private names of kombu used, and only here: ``_put``, ``_get``, ``_size``, ``_purge``, ``_delete``,
``_connparams``, ``_brpop_start``, ``_brpop_read``, ``_in_poll``, ``_brpop_sent_at``, ``_queue_cycle``,
``_deliver``: the virtual transport's own hooks, which have no public form. ``tests/worker/test_transport.py``
fails when one is renamed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import inf
from queue import Empty
from time import monotonic
from typing import Any, TypeVar

from celery.worker import state
from kombu.transport import redis as stock
from kombu.transport import virtual
from redis.exceptions import NoScriptError, ResponseError

from jobline.domain.access import PUBLIC
from jobline.domain.errors import Conflict, LedgerUnavailable, Unprocessable
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, ReleasedClaim
from jobline.ledger.commands.command import Command
from jobline.ledger.scripts import Script
from jobline.worker.message import Message, to_message, to_submission
from jobline.worker.outcome import Released
from jobline.worker.resources import Resources, ResourcesOption
from jobline.worker.ticket import Ticket

T = TypeVar("T")
logger = logging.getLogger(__name__)


def is_task_queue(queue: str) -> bool:
    """Return whether a queue holds jobs; the replies of remote control have queues of their own."""
    return not queue.endswith(".celery.pidbox")


class QoS(virtual.QoS):
    """Neither counts nor restores messages, because the lease is the acknowledgement."""

    def can_consume(self) -> bool:
        """Return whether the pool has a free slot; always true where no jobs come (remote control).

        True also while a reply is due: jobs that a claim has started must not wait for their own slots.
        """
        channel = self.channel
        return bool(channel.has_request or not channel.takes_jobs() or channel.free_slots() > 0)

    def append(self, message: Any, delivery_tag: str) -> None:
        """Do nothing: the ledger keeps the job."""

    def ack(self, delivery_tag: str) -> None:
        """Do nothing: the report of its outcome ends an attempt."""

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's own
        """Do nothing: the job waits again when its lease ends."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Do nothing: no message was popped."""

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """Do nothing: there is no visibility timeout."""


class Channel(stock.Channel):
    """Submits what is put, and claims what is got."""

    QoS = QoS
    Message = Message
    from_transport_options = (*stock.Channel.from_transport_options, "resources_option")

    resources_option: ResourcesOption

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Whether to claim next, rather than to wait for a token.
        self._claim_next = True
        #: The request whose reply was not read: its script (None for a BRPOP), and what takes the reply.
        self._request: tuple[Script | None, Callable[[Any], bool]] | None = None
        self._slots = 0
        self._release_after = ""
        super().__init__(*args, **kwargs)

    @cached_property
    def resources(self) -> Resources:
        """What the parts of the worker share."""
        return self.resources_option.resources

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - kombu's own
        """Connect as every other client does: kombu reads URLs differently, and drops TLS of an alias."""
        connector = self.resources.connector
        self.connection_class = self.connection_class_ssl = connector.blocking_class
        options: dict[str, Any] = super()._connparams(asynchronous=asynchronous)
        return options | connector.target

    def takes_jobs(self) -> bool:
        """Return whether this channel consumes queues of jobs."""
        return any(is_task_queue(queue) for queue in self.active_queues)

    @property
    def has_request(self) -> bool:
        """Whether a reply of the ledger is due."""
        return self._request is not None

    def free_slots(self) -> int:
        """Return how many jobs the pool could start now."""
        if self.resources.stop.has_begun or (self.resources.light and self.resources.light.is_blocked()):
            return 0
        return self.resources.slots - len(state.reserved_requests)

    # put

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        name = (message.get("headers") or {}).get("task")
        if name is None:
            if is_task_queue(queue):
                raise Unprocessable(
                    f"The queue {queue!r} holds jobs alone: send a task, or give other messages a broker of "
                    "their own."
                )
            super()._put(queue, message, **kwargs)
            return
        registry, settings = self.resources.registry, self.resources.settings
        registry.check_queue(queue, settings.queues, "")
        submission = to_submission(
            registry.get(name),
            message["headers"],
            self.Message(message, channel=self).decode(),
            queue=queue,
            priority=message["properties"].get("priority"),
            tenant=PUBLIC,
        )
        command = commands.submitting.submit(submission, queue_limit=settings.queue_limit)
        record = self.resources.recorder.run(command).accepted()
        if (record.tenant, record.task, record.input) != (PUBLIC, submission.task, submission.input):
            raise Conflict(f"The id {submission.id} belongs to a job with another task or input.")

    # get

    def _brpop_start(self, timeout: float | None = None) -> None:
        if not self.takes_jobs():
            super()._brpop_start(timeout)
            return
        queues = self._queue_cycle.consume(len(self.active_queues))
        connection = self.client.connection
        self._in_poll = connection
        self._brpop_sent_at = monotonic()
        lost = self.resources.claim_numbers.find_lost(self) if self._claim_next else None
        if not self._claim_next:
            words = self.resources.recorder.to_wait_words(queues, timeout or self.brpop_timeout)
            self._request = None, self._on_token
            connection.send_command(*words)
        elif lost is None:
            number = self.resources.claim_numbers.take(self)
            self._send(self._next_claim(queues, number), partial(self._on_claimed, number))
        else:
            command = commands.attempts.release_claim(
                self.resources.owner, lost, self.resources.settings.retention, self._release_after
            )
            self._send(command, partial(self._on_released, lost))

    def _next_claim(self, queues: Sequence[str], number: int) -> Command[list[Claimed]]:
        self._slots = max(1, self.free_slots())
        settings = self.resources.settings
        return commands.attempts.claim(
            self.resources.owner,
            queues,
            slots=self._slots,
            lease_ms=settings.lease_ms,
            retention=settings.retention,
            limits=self.resources.limits,
            unblock=self.resources.unserved,
            number=number,
        )

    def _send(self, command: Command[T], on_reply: Callable[[T], bool]) -> None:
        self._request = command.script, lambda reply: on_reply(command.read(reply))
        self.client.connection.send_command(*self.resources.recorder.to_words(command))

    def _brpop_read(self, **options: Any) -> Any:
        if self._request is None:
            return super()._brpop_read(**options)
        (script, on_reply), self._request = self._request, None
        connection = self.client.connection
        try:
            reply = self.client.parse_response(connection, "EVALSHA" if script else "BRPOP", **options)
        except NoScriptError:
            self.resources.recorder.load(script) if script else None
            raise Empty from None
        except ResponseError as error:
            logger.warning("Redis refused a claim of this worker, which retries: %s", error)
            self.resources.last_reply = -inf
            self._claim_next = False
            raise Empty from None
        except self.connection_errors:
            connection.disconnect()
            raise
        finally:
            self._in_poll = None
        if script:
            self.resources.last_reply = monotonic()
        if not on_reply(reply):
            raise Empty
        return True

    def _on_token(self, _: object) -> bool:
        self._claim_next = True
        return False

    def _on_claimed(self, number: int, claimed: list[Claimed]) -> bool:
        self.resources.claim_numbers.settle(number)
        self.resources.claimed_at = self._brpop_sent_at
        self._claim_next = len(claimed) == self._slots
        for job in claimed:
            self._hand_over(job)
        return bool(claimed)

    def _on_released(self, number: int, released: ReleasedClaim) -> bool:
        self._release_after = released.after
        if not released.after:
            self.resources.claim_numbers.settle(number)
        for job_id in released.jobs:
            logger.warning("Job %s waits again, because the reply of its claim was lost.", job_id)
        return False

    def _hand_over(self, job: Claimed) -> None:
        if job.queue not in self.active_queues or self.resources.stop.has_begun:
            # A stop, or `celery control cancel_consumer`, came in between.
            self.resources.report(Ticket.of(job), Released())
        elif task := self.resources.registry.tasks.get(job.task):
            self.connection._deliver(to_message(job, hides_input=task.hides_input), job.queue)  # noqa: SLF001 - see the module's head
        else:
            self._decline(job)

    def _decline(self, job: Claimed) -> None:
        """Leave this job, and all others of its task, to the workers that know the task."""
        if self.resources.limits.tasks.get(job.task) != 0:
            reason = self.resources.registry.why_missing(job.task)
            logger.warning("Jobs of task %s wait for a worker that knows it: %s", job.task, reason)
            self.resources.decline(job.task)
        self.resources.report(Ticket.of(job), Released())

    def close(self) -> None:
        """Close without waiting for a reply: a token may be lost, and an unread claim is released later."""
        if self._request:
            self._in_poll = self._request = None
        super().close()

    def _get(self, queue: str) -> Any:
        if is_task_queue(queue):
            raise Empty
        return super()._get(queue)

    def _size(self, queue: str) -> int:
        if is_task_queue(queue):
            try:
                return self.resources.recorder.run(commands.queues.read_queue(queue)).depth
            except LedgerUnavailable as error:
                raise ConnectionError(str(error)) from error  # which kombu takes as a lost connection
        return int(super()._size(queue))

    def _purge(self, queue: str) -> int:
        """Purge nothing: an accepted job is never dropped silently. Cancel jobs instead."""
        return 0 if is_task_queue(queue) else int(super()._purge(queue))

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        if not is_task_queue(queue):
            super()._delete(queue, *args, **kwargs)


class Transport(stock.Transport):
    """Kombu's Redis transport with the ledger's channel."""

    Channel = Channel
    #: A batch would bypass `_put`, and with it the submit script.
    supports_batch_publish = False
