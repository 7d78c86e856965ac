"""Events as text: the JSON of `JobEvent`, and server-sent events (HTML Standard, section 9.2). Pure."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

import orjson

from jobline.domain.event import STATES, Event, EventType, Position
from jobline.domain.record import Failure, moment
from jobline.domain.state import State
from jobline.service.answers.content import UTC_Z, describe_error, raw

#: An empty comment without a blank line: that would end an event, and some clients would see an empty one.
HEARTBEAT = b":\n"
#: The start of each stream: clients and proxies see that it is open, and after how many ms to reconnect.
OPENING = b": jobline\nretry: 2000\n"


logger = logging.getLogger("jobline.events")


class Frame(NamedTuple):
    """One event as it is sent, shared by all clients."""

    position: Position
    is_last: bool
    data: bytes


def write_frame(event: Event, *, tracebacks: bool) -> Frame:
    """Return a server-sent event."""
    body = write_event(event, tracebacks=tracebacks)
    if b"\n" in body or b"\r" in body:  # only between the tokens of a stored result
        body = body.replace(b"\n", b" ").replace(b"\r", b" ")
    data = b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.type.encode(), body)
    return Frame(event.position, event.type.is_last, data)


def write_event(event: Event, *, tracebacks: bool) -> bytes:
    """Return the JSON of one event."""
    content = {
        "id": event.id,
        "type": event.type.value,
        "timestamp": event.happened_at,
        "data": describe_job(event, tracebacks=tracebacks) if event.job_id else None,
    }
    return orjson.dumps(content, option=UTC_Z)


def describe_job(event: Event, *, tracebacks: bool) -> dict[str, Any]:  # Any: JSON values of every kind
    """Return the fields of `JobEventData`."""
    # Without orjson: numbers of a task may be larger than 64 bits, and must not change.
    detail = read_detail(event)
    _, task, queue = event.partition.split(":")
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
        "run_at": None if due is None else moment(due),
        "result": raw(event.result),
    }


def read_detail(event: Event) -> dict[str, Any]:  # Any: JSON values of every kind
    """Return what an event tells; nothing for a text that no script wrote, so that the stream goes on."""
    try:
        detail = json.loads(event.detail, parse_constant=lambda _: None)
    except ValueError:
        detail = None
    if isinstance(detail, dict):
        return detail
    logger.warning("The event %s of the job %s is damaged.", event.id, event.job_id)
    return {"attempt": 0}


def find_state(type_: EventType, detail: dict[str, Any]) -> State:
    """Return the state of the job after the event."""
    if type_ is EventType.RESET:
        return State(detail["state"])
    if type_ is EventType.RETRYING and detail["attempt"] == 0:
        return State.PENDING
    return STATES[type_]


def rewrite(value: object) -> orjson.Fragment | None:
    """Return a progress report or a log line as JSON."""
    return None if value is None else orjson.Fragment(json.dumps(value, ensure_ascii=False))
