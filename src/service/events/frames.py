"""Write events: as the JSON of `schema.JobEvent`, and as server-sent events (HTML, section 9.2). Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from jobline.domain.event import STATES, Event, EventType, Position
from jobline.domain.record import Failure, moment
from jobline.domain.state import State
from jobline.service.answers.content import UTC_Z, describe_error, raw

#: An empty comment: no blank line, for that would end an event, and some clients would see an empty one.
BEAT = b":\n"
#: Opens a stream at once, so that clients and proxies see that it stands; and how soon to come again.
OPENING = b": jobline\nretry: 2000\n"


class Frame(NamedTuple):
    """Hold one event as it goes out, shared by all clients."""

    position: Position
    is_last: bool
    data: bytes


def write_frame(event: Event, *, tracebacks: bool) -> Frame:
    """Write a server-sent event."""
    body = write_event(event, tracebacks=tracebacks)
    if b"\n" in body or b"\r" in body:  # between the tokens of a stored result; JSON has them nowhere else
        body = body.replace(b"\n", b" ").replace(b"\r", b" ")
    data = b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.type.encode(), body)
    return Frame(event.position, event.type.is_last, data)


def write_event(event: Event, *, tracebacks: bool) -> bytes:
    """Write the JSON of one event."""
    content = {
        "id": event.id,
        "type": event.type.value,
        "timestamp": event.happened_at,
        "data": describe_job(event, tracebacks=tracebacks) if event.job_id else None,
    }
    return orjson.dumps(content, option=UTC_Z)


def describe_job(event: Event, *, tracebacks: bool) -> dict[str, Any]:  # Any: JSON values of every kind
    """Give the fields of `schema.JobEventData`."""
    # Not orjson's: a task's own numbers may be larger than 64 bits, and must not change on their way.
    detail = json.loads(event.detail, parse_constant=lambda _: None)
    _, task, queue = event.place.split(":")
    error, due = detail.get("error"), detail.get("run_at_ms")
    return {
        "job_id": event.job_id,
        "task": task,
        "queue": queue,
        "state": find_state(event.type, detail).value,
        "attempt": detail.get("attempt", 0),
        "progress": rewrite(detail.get("progress")),
        "log": rewrite(detail.get("log")),
        "error": None if error is None else describe_error(Failure(**error), tracebacks=tracebacks),
        "run_at": None if due is None else moment(str(due)),
        "result": raw(event.result),
    }


def find_state(type_: EventType, detail: dict[str, Any]) -> State:
    """Say in which state the event left the job."""
    if type_ is EventType.RESET:
        return State(detail["state"])
    if type_ is EventType.RETRYING and detail["attempt"] == 0:
        return State.PENDING
    return STATES[type_]


def rewrite(value: object) -> orjson.Fragment | None:
    """Write what a task told."""
    return None if value is None else orjson.Fragment(json.dumps(value, ensure_ascii=False))
