"""Event streams: of one job, of a batch, and of all jobs.

An `EventsRoute` answers as an ASGI application itself: FastAPI would keep its own objects of a request for as
long as the client listens.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Header, Query, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from jobline.domain.access import Scope as KeyScope
from jobline.ledger import commands
from jobline.ledger.commands.events import History
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.events.stream import Stream
from jobline.service.guards.scopes import find_tenant, needs
from jobline.service.resources import Resources
from jobline.service.routes.parameters import BatchId, JobId
from jobline.service.server.deferred import DEFERRED

MEDIA_TYPE = "text/event-stream"
#: Redis's own, and the position of a `reset`, which has 16 digits.
STREAM_ID = re.compile(r"[0-9]{1,16}(?:-[0-9]{1,16})?")
RESUMING = (
    "Server-sent events; the data of each is a `JobEvent`. To resume after a lost connection, send the ID of "
    "the last event as `Last-Event-ID`: no event is lost or repeated. A `reset` event replaces events that "
    "are no longer stored."
)
JOB = f"Stream the events of a job, from its first one on, and end with its last one. {RESUMING}"
BATCH = f"Stream the events of all jobs of a batch and end with the last one. {RESUMING}"
ALL = f"Stream the events of all jobs from now on; `after=0` starts with the oldest. {RESUMING}"
NO_CONTENT: dict[int | str, dict[str, Any]] = {204: {"description": "No event follows the given one."}}

After = Annotated[
    str | None,
    Query(
        description="ID of the event after which to start. `Last-Event-ID` takes precedence.",
        pattern=f"^{STREAM_ID.pattern}$",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        description="ID of the last event received. Browsers send it when they reconnect.",
        pattern=f"^{STREAM_ID.pattern}$",
    ),
]
#: Opens a stream that is subscribed to its events.
Open = Callable[[Resources, str, Mapping[str, str]], Awaitable[Stream]]


def routes(resources: Resources) -> Iterator[BaseRoute]:
    """Yield the three streams."""
    yield EventsRoute(
        "/v1/jobs/{id}/events",
        stream_job_events,
        open_stream=open_job,
        resources=resources,
        tags=["jobs"],
        summary="Stream the events of a job",
        description=JOB,
        responses={**NO_CONTENT, **problems(404, 410)},
    )
    yield EventsRoute(
        "/v1/batches/{id}/events",
        stream_batch_events,
        open_stream=open_batch,
        resources=resources,
        tags=["batches"],
        summary="Stream the events of a batch",
        description=BATCH,
        responses={**NO_CONTENT, **problems(404, 410)},
    )
    yield EventsRoute(
        "/v1/events",
        stream_events,
        open_stream=open_feed,
        resources=resources,
        tags=["events"],
        summary="Stream the events of all jobs",
        description=ALL,
        responses={},
    )


class EventsRoute(APIRoute):
    """A route that answers with an event stream."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        open_stream: Open,
        resources: Resources,
        responses: Mapping[int | str, dict[str, Any]],
        **more: Any,
    ) -> None:
        self.open_stream = open_stream
        self.resources = resources
        # A plain string: the schema of an item, or a reference, breaks SDK generators.
        stream = {"description": "The events.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
        super().__init__(
            path,
            endpoint,
            response_class=Response,
            operation_id=endpoint.__name__,
            responses={200: stream, **responses, **problems(422, 503)},
            openapi_extra=needs(KeyScope.READ),
            **more,
        )
        self.app = self.answer

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; `jobline.service.answers.problems` answers the errors that it raises."""
        resources = self.resources
        after = read_after(scope)
        stream = await self.open_stream(resources, find_tenant(scope), scope["path_params"])
        try:
            if resources.shutdown.has_begun:
                stream.end()
            is_open = await stream.open(after)
            if is_open and scope["method"] == "HEAD":
                await Response(media_type=MEDIA_TYPE)(scope, receive, send)
            elif is_open:
                await stream.begin(scope, send)
                resources.heartbeats.add(stream)
                stream.at_close(resources.heartbeats.remove)
                scope[DEFERRED] = stream
            else:  # the one status after which browsers do not reconnect
                await Response(status_code=204)(scope, receive, send)
        finally:
            if DEFERRED not in scope:
                stream.close()


async def stream_job_events(job_id: JobId, after: After = None, last_event_id: LastEventId = None) -> None:
    """Serve the OpenAPI document alone: `EventsRoute` answers."""


async def stream_batch_events(
    batch_id: BatchId, after: After = None, last_event_id: LastEventId = None
) -> None:
    """Serve the OpenAPI document alone: `EventsRoute` answers."""


async def stream_events(after: After = None, last_event_id: LastEventId = None) -> None:
    """Serve the OpenAPI document alone: `EventsRoute` answers."""


async def open_job(resources: Resources, tenant: str, path: Mapping[str, str]) -> Stream:
    """Return a stream of one job. From the first read on, the scripts notify this process of its events."""
    job_id, watcher = path["id"], resources.dispatcher.name

    async def read(after: str) -> History:
        return await resources.store.run(
            commands.events.read_history(job_id, tenant, after=after, subscriber=watcher)
        )

    await resources.dispatcher.ready()
    stream = Stream(read, resources.write_frame, stops=True)
    resources.dispatcher.subscribe(job_id, stream)
    stream.at_close(partial(resources.dispatcher.unsubscribe, job_id))
    return stream


async def open_batch(resources: Resources, tenant: str, path: Mapping[str, str]) -> Stream:
    """Return a stream of one batch. An event of one of its jobs makes the stream read on."""
    batch = path["id"]

    async def read(after: str) -> History:
        return await resources.store.run(commands.events.read_feed(tenant, after=after, batch=batch))

    stream = Stream(read, resources.write_frame, stops=True)
    resources.feed.subscribe_to_batch(batch, stream)
    stream.at_close(partial(resources.feed.unsubscribe_from_batch, batch))
    return stream


async def open_feed(resources: Resources, tenant: str, path: Mapping[str, str]) -> Stream:  # noqa: ARG001 - as `Open`
    """Return a stream of all jobs of a tenant."""

    async def read(after: str) -> History:
        return await resources.store.run(commands.events.read_feed(tenant, after=after))

    stream = Stream(read, resources.write_frame, stops=False)
    resources.feed.subscribe(tenant, stream)
    stream.at_close(partial(resources.feed.unsubscribe, tenant))
    return stream


def read_after(scope: Scope) -> str:
    """Return the ID of the event after which to start, empty if none is given; raises BadParameter."""
    after = ""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            after = value.decode("latin-1").strip(" \t")
    if not after and scope["query_string"]:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        after = query.get("after", [""])[-1]
    if after and not STREAM_ID.fullmatch(after):
        raise BadParameter("after and Last-Event-ID must be the ID of an event, unchanged.")
    return after
