"""Between Celery's task messages (protocol 2) and the ledger's nouns. Pure.

A stock client's message becomes a Submission; a claimed job becomes the message that a stock worker runs.
The input in it is JSON text, which the runner gives to the task's model. That message was never encoded, so
it names no content type, and Celery decodes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kombu.transport import virtual
from pydantic import ValidationError

from jobline.domain.errors import Unprocessable
from jobline.domain.file_id import FileReferences
from jobline.domain.input_json import field_errors, join_errors, read_json, write_input
from jobline.domain.record import MAX_MS
from jobline.domain.submission import DEFAULT_PRIORITY, MAX_DELAY_S, Submission
from jobline.domain.task import MAX_TIMEOUT_S, Task
from jobline.ledger.commands.attempts import Claimed
from jobline.worker.ticket import HEADER, Ticket

#: Seconds between a soft time limit (an exception in the task) and the kill of its process.
KILL_AFTER_S = 3.0
#: The ids and queues that a stock client may choose: the ledger separates them by spaces and colons.
#: A slash, or dots alone, could not be read by HTTP: they change the path.
ID = re.compile(r"(?!\.{1,2}$)[!-.0-~]{1,255}")
QUEUE = re.compile(r"[^\s:]{1,64}")
#: What stands in a message beside the arguments when a call has no callbacks, chain or chord.
EMBED: Mapping[str, None] = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))
#: What events show of an input that may hold secrets.
HIDDEN = "(hidden)"


class Message(virtual.Message):
    """Kombu's message, from a stock client or of a claimed job."""

    def decode(self) -> Any:
        """Return the body; that of a claimed job was never encoded."""
        return self.body if self.content_type is None else super().decode()


def to_message(job: Claimed, *, hides_input: bool = False) -> dict[str, Any]:
    """Return the message that makes a stock worker run one attempt.

    ``hides_input`` keeps the input out of Celery's events and of Flower.
    """
    ticket, text = Ticket.of(job), job.input.decode()
    return {
        "body": ((text,), {}, EMBED),
        "content-type": None,
        "content-encoding": None,
        "headers": {
            "lang": "py",
            "task": job.task,
            "id": job.id,
            "root_id": job.id,
            "parent_id": None,
            "group": None,
            "retries": job.attempt - 1,
            "timelimit": [ticket.timeout_s + KILL_AFTER_S, ticket.timeout_s],
            "argsrepr": HIDDEN if hides_input else text[:200],
            "kwargsrepr": "{}",
            "ignore_result": False,
            HEADER: ticket,
            # Without it, Celery would gather in each job the headers that it does not know.
            "headers": {},
        },
        "properties": {
            "correlation_id": job.id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": job.queue},
            "priority": 0,
            "delivery_tag": f"{job.id}:{job.fence}",
        },
    }


def to_submission(
    task: Task[Any, Any],
    headers: Mapping[str, Any],
    body: Sequence[Any],
    *,
    queue: str,
    priority: int | None,
    tenant: str,
) -> Submission:
    """Return what a stock client submits.

    Raises Unprocessable for a wrong input, and for a call with callbacks, a chain or a chord.
    """
    args, kwargs, embed = body
    if any((embed or {}).values()):
        raise Unprocessable("Callbacks, chains and chords are not carried by the ledger; use a workflow.")
    if not ID.fullmatch(headers["id"]):
        raise Unprocessable(
            "The id of a task must be 1 to 255 printable ASCII characters, no space or slash."
        )
    if not QUEUE.fullmatch(queue):
        raise Unprocessable(f"The name of a queue has neither spaces nor colons: {queue!r}")
    claims = FileReferences()
    hard, soft = headers.get("timelimit") or (None, None)
    timeout_s = soft or hard or task.timeout_s
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise Unprocessable(f"A time limit must be above 0 and at most {MAX_TIMEOUT_S:,} s.")
    return Submission(
        id=headers["id"],
        tenant=tenant,
        task=task.name,
        queue=queue,
        input=read_input(task, args, kwargs, claims),
        max_attempts=task.max_attempts,
        timeout_ms=int(timeout_s * 1000),
        priority=DEFAULT_PRIORITY if priority is None else max(0, min(9, priority)),
        run_at_ms=read_time(headers.get("eta")),
        expires_in_ms=time_left_ms(read_time(headers.get("expires"))),
        files=tuple(claims.found),
    )


def read_input(
    task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any], claims: FileReferences
) -> bytes:
    """Return the input (JSON) in a call's arguments: one object by position, or its fields by name."""
    if len(args) == 1 and not kwargs:
        given = args[0]
    elif not args:
        given = dict(kwargs)
    else:
        raise Unprocessable(
            f"{task.name} takes its input as one positional object, or as its fields by name."
        )
    text = given.encode(errors="surrogatepass") if isinstance(given, str) else given
    text = text if isinstance(text, bytes) else write_input(text)
    try:
        task.read_input(text, claims)
    except ValidationError as error:
        wrong = field_errors(error)
        raise Unprocessable(
            f"The input of {task.name} is not valid: {join_errors(wrong)}", errors=wrong
        ) from None
    return write_input(read_json(text))


def read_time(text: str | None) -> int | None:
    """Return Celery's ISO 8601 time in milliseconds since 1970; raises Unprocessable outside 1970 to 9999."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError):
        raise Unprocessable(f"{text!r} is no time.") from None
    if not 0 <= ms <= MAX_MS:
        raise Unprocessable(f"{text} is not within the years 1970 to 9999.")
    return ms


def time_left_ms(moment_ms: int | None) -> int | None:
    """Return the time until a moment; the client's clock set the moment, and this clock is nearest to it."""
    if moment_ms is None:
        return None
    left_ms = max(0, moment_ms - int(datetime.now(UTC).timestamp() * 1000))
    if left_ms > MAX_DELAY_S * 1000:
        raise Unprocessable("The time of expiry is more than ten years away.")
    return left_ms
