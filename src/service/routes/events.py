"""Event streams: of one job, of a batch, and of all.

An `EventsRoute` answers as the ASGI application itself, as `SubmitRoute` does: what FastAPI keeps for a
request would be kept for as long as the client listens.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Header, Path, Query, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from jobline.ledger import commands
from jobline.ledger.commands.events import History
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.events.stream import Stream
from jobline.service.guards.scopes import find_tenant
from jobline.service.resources import Resources
from jobline.service.routes.jobs import JobId
from jobline.service.server.parking import PARKED

MEDIA_TYPE = "text/event-stream"
STREAM_ID = re.compile(r"\d{1,15}(?:-\d{1,15})?", re.ASCII)
RESUMING = (
    "Each event has a `JobEvent` as its data. A stream that broke goes on where it was by `Last-Event-ID`, "
    "without a gap or a repeat; a `reset` event stands for those that are no longer kept."
)
JOB = f"Tells everything from the start, or after a given event, and ends with the job. {RESUMING}"
BATCH = f"Tells everything of all its jobs, or after a given event, and ends with the last job. {RESUMING}"
ALL = f"Tells what happens from now on, or after a given event; 0 is before all that is kept. {RESUMING}"

After = Annotated[
    str | None, Query(description="The id of the last event known; `Last-Event-ID` counts more.")
]
LastEventId = Annotated[str | None, Header(description="What browsers send when they connect again.")]
#: Make a stream that is told of events.
Open = Callable[[Resources, str, Mapping[str, str]], Awaitable[Stream]]


def add_event_routes(app: FastAPI) -> None:
    """Add the streams."""
    app.router.routes += [
        EventsRoute(
            "/v1/jobs/{id}/events",
            stream_job_events,
            open_stream=open_job,
            tags=["jobs"],
            summary="Follow a job to its end",
            description=JOB,
            responses={
                204: {"description": "Nothing follows the event that you know"},
                **problems(404, 410),
            },
        ),
        EventsRoute(
            "/v1/batches/{id}/events",
            stream_batch_events,
            open_stream=open_batch,
            tags=["batches"],
            summary="Follow a batch to its end",
            description=BATCH,
            responses={204: {"description": "Nothing follows the event that you know"}, **problems(404, 410)},
        ),
        EventsRoute(
            "/v1/events",
            stream_events,
            open_stream=open_feed,
            tags=["events"],
            summary="Follow all jobs",
            description=ALL,
        ),
    ]


class EventsRoute(APIRoute):
    """Answer with a stream."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        open_stream: Open,
        responses: Mapping[int | str, dict[str, Any]] | None = None,
        **more: Any,
    ) -> None:
        self.open_stream = open_stream
        # An item's schema, or a reference, would break SDK generators.
        stream = {"description": "The events", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
        super().__init__(
            path,
            endpoint,
            response_class=Response,
            operation_id=endpoint.__name__,
            responses={200: stream, **(responses or {}), **problems(422, 503)},
            **more,
        )
        self.app = self.answer

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what it raises is answered by `jobline.service.answers.problems`."""
        here: Resources = scope["app"].state.resources
        after = read_after(scope)
        stream = await self.open_stream(here, find_tenant(scope), scope["path_params"])
        try:
            if here.hub.closing.is_set:
                stream.end()
            if await stream.open(after):
                await stream.begin(scope, send)
                here.beats.add(stream)
                stream.at_close(here.beats.remove)
                scope[PARKED] = stream
            else:  # browsers come again after anything else
                await Response(status_code=204)(scope, receive, send)
        finally:
            if PARKED not in scope:
                stream.close()


async def stream_job_events(job_id: JobId, after: After = None, last_event_id: LastEventId = None) -> None:
    """Stand for the documentation: `EventsRoute` answers."""


async def stream_batch_events(
    batch_id: Annotated[str, Path(alias="id", max_length=255, description="The batch's id.")],
    after: After = None,
    last_event_id: LastEventId = None,
) -> None:
    """Stand for the documentation: `EventsRoute` answers."""


async def stream_events(after: After = None, last_event_id: LastEventId = None) -> None:
    """Stand for the documentation: `EventsRoute` answers."""


async def open_job(here: Resources, tenant: str, path: Mapping[str, str]) -> Stream:
    """Follow one job: the scripts tell this process of its events from the first read on."""
    job_id, watcher = path["id"], here.hub.name

    async def read(after: str) -> History:
        return await here.store.run(
            commands.events.read_history(job_id, tenant, after=after, watcher=watcher)
        )

    await here.hub.ready()
    stream = Stream(read, here.write_frame, stops=True)
    here.hub.attach(job_id, stream)
    stream.at_close(partial(here.hub.detach, job_id))
    return stream


async def open_feed(here: Resources, tenant: str, path: Mapping[str, str]) -> Stream:  # noqa: ARG001 - as `Open`
    """Follow all jobs of a tenant."""

    async def read(after: str) -> History:
        return await here.store.run(commands.events.read_feed(tenant, after=after))

    stream = Stream(read, here.write_frame, stops=False)
    here.feed.attach(tenant, stream)
    stream.at_close(partial(here.feed.detach, tenant))
    return stream


async def open_batch(here: Resources, tenant: str, path: Mapping[str, str]) -> Stream:
    """Follow the jobs of one batch: what happens to them makes the stream read on."""
    batch = path["id"]

    async def read(after: str) -> History:
        return await here.store.run(commands.events.read_feed(tenant, after=after, batch=batch))

    stream = Stream(read, here.write_frame, stops=True)
    here.feed.attach_batch(batch, stream)
    stream.at_close(partial(here.feed.detach_batch, batch))
    return stream


def read_after(scope: Scope) -> str:
    """Find the event from which to go on; empty where none is named. Raises BadParameter."""
    after = ""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            after = value.decode("latin-1").strip()
    if not after and scope["query_string"]:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        after = query.get("after", [""])[-1]
    if after and not STREAM_ID.fullmatch(after):
        raise BadParameter("after and Last-Event-ID take the id of an event, as it was sent.")
    return after
