"""``POST /v1/tasks/{task}/jobs``: the hot path. One typed operation a task, made from the registry.

A `SubmitRoute` answers without FastAPI's layers, its dependency solving and a response model: body bytes are
validated once, in Rust, and one script stores the job. What FastAPI would have read from the endpoint's
signature stands there all the same, for the documentation.
"""

import math
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from jobline.domain.record import Record
from jobline.domain.submission import Submission
from jobline.domain.task import Task
from jobline.ledger import commands
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.answers.writing import write_job
from jobline.service.events.waiter import Waiter
from jobline.service.guards.scopes import find_tenant
from jobline.service.intake.direct import DirectRoute, JsonAnswer, read_body, read_headers, send_json
from jobline.service.intake.headers import MAX_WAIT_S, NO_PREFERENCE, Prefer, read_key, read_prefer
from jobline.service.intake.jobs import check_files, check_json_type, make_submission, read_order
from jobline.service.resources import Resources

ERRORS = (400, 404, 410, 413, 415, 422, 429, 503)
RETRY_AFTER_S = 1
#: A job that is due in an hour is not worth asking for each second, nor for a day.
MAX_RETRY_AFTER_S = 3600
#: The id of a job that was validated only.
NO_ID = "00000000-0000-0000-0000-000000000000"
WANTED = frozenset({b"content-type", b"content-length", b"idempotency-key", b"prefer"})


def add_submit_routes(app: FastAPI, resources: Resources) -> None:
    """Add one typed submit a task, ahead of all other routes, and the answer for tasks there are not."""
    for task in resources.registry:
        add_submit_route(app.router, task, resources)
    app.router.add_api_route(
        "/v1/tasks/{task}/jobs", refuse_unknown_task, methods=["POST"], include_in_schema=False
    )


def add_submit_route(router: APIRouter, task: Task[Any, Any], resources: Resources) -> None:
    """Declare the typed operation of one task."""
    models = resources.models[task.name]

    async def submit(
        order: models.request,  # type: ignore[name-defined] # made at run time
        validate_only: Annotated[bool, Query(description="Validate and store nothing.")] = False,  # noqa: FBT002 - a query
        prefer: Annotated[
            str | None,
            Header(description=f"`wait=N` answers at the job's end or after N ≤ {MAX_WAIT_S} seconds."),
        ] = None,
        idempotency_key: Annotated[
            str | None, Header(description="The same key and request make one job, however often they come.")
        ] = None,
    ) -> None:
        """Stand for the documentation: `SubmitRoute` answers."""

    route = SubmitRoute(
        f"/v1/tasks/{task.name}/jobs",
        submit,
        status_code=202,
        response_model=models.job,
        operation_id=f"submit_{task.slug}",
        tags=[task.family],
        summary=task.summary,
        description=task.description or task.summary,
        response_description="Accepted; the ledger holds the job",
        responses={
            200: {"model": models.job, "description": "Ended in time, or only validated"},
            **problems(*ERRORS),
        },
        task=task,
        resources=resources,
    )
    router.routes.append(route)


class SubmitRoute(DirectRoute):
    """Answer the submits of one task."""

    def __init__(self, *parts: Any, task: Task[Any, Any], resources: Resources, **more: Any) -> None:
        self.task = task
        self.here = resources
        super().__init__(*parts, **more)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate, store and answer one submit."""
        here, task, tenant = self.here, self.task, find_tenant(scope)
        headers = read_headers(scope, WANTED)
        check_json_type(headers.get(b"content-type"))
        body = await read_body(receive, here.settings.max_body_bytes, headers.get(b"content-length"))
        order = read_order(here.models[task.name], body)
        submission = make_submission(task, order, tenant, read_key(headers.get(b"idempotency-key")))
        if order.files:
            check_files(order, await here.store.run(commands.files.read_files(tenant, order.files)))
        if scope["query_string"] and is_validation(scope["query_string"]):
            await send_json(send, 200, write_job(as_if(submission), tracebacks=False))
            return
        prefer = read_prefer(headers.get(b"prefer"))
        if prefer.wait_s:
            answer = await submit_and_wait(here, submission, prefer)
            await answer(scope, receive, send)
            return
        record = await submit(here, submission)
        status, facts = describe_answer(record, prefer, is_replay=record.id != submission.id)
        await send_json(send, status, write_job(record, tracebacks=here.settings.tracebacks), *facts)


async def submit(here: Resources, submission: Submission, watcher: str = "") -> Record:
    """Store the job; raises what the ledger refuses."""
    command = commands.submitting.submit(submission, queue_limit=here.settings.queue_limit, watcher=watcher)
    return (await here.store.run(command)).accepted()


async def submit_and_wait(here: Resources, submission: Submission, prefer: Prefer) -> ASGIApp:
    """Store the job, and answer at its end, if that comes in time."""
    write = partial(write_answer, here, prefer, submission.id)
    waiter = Waiter(
        here.hub,
        here.store,
        submission.id,
        submission.tenant,
        prefer.wait_s,
        write,
        notes=bool(submission.idempotency),
    )

    async def store() -> Record:
        record = waiter.keep(await submit(here, submission, here.hub.name))
        return record if record.id == submission.id else await waiter.turn_to(record)

    await here.hub.ready()
    return await waiter.watch(store())


def write_answer(here: Resources, prefer: Prefer, own_id: str, record: Record) -> ASGIApp:
    """Write the answer to a submit whose client waited."""
    status, facts = describe_answer(record, prefer, is_replay=record.id != own_id)
    return JsonAnswer(status, write_job(record, tracebacks=here.settings.tracebacks), facts)


def describe_answer(
    record: Record, prefer: Prefer, *, is_replay: bool
) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Give status and headers: 200 for a job that ended while the client waited, else 202.

    A replay that prefers nothing is answered as the submit was that made the job.
    """
    headers = [(b"location", b"/v1/jobs/" + record.id.encode())]
    if record.answered and prefer is NO_PREFERENCE:
        status, applied = 200, ""
    elif prefer.wait_s and record.state.is_terminal:
        status, applied = 200, prefer.applied
    else:
        status, applied = 202, "" if prefer.wait_s else prefer.applied
        headers.append((b"retry-after", b"%d" % retry_after_s(record)))
    if applied:
        headers.append((b"preference-applied", applied.encode()))
    if is_replay:
        headers.append((b"idempotent-replayed", b"true"))
    return status, headers


def retry_after_s(record: Record) -> int:
    """Say when it is worth asking again."""
    if record.run_at is None:
        return RETRY_AFTER_S
    left = (record.run_at - datetime.now(UTC)).total_seconds()
    return max(RETRY_AFTER_S, min(math.ceil(left), MAX_RETRY_AFTER_S))


def is_validation(query: bytes) -> bool:
    """Read ``?validate_only=``."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("validate_only")
    if not values:
        return False
    match values[-1].lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise BadParameter("validate_only must be true or false.")


def as_if(submission: Submission) -> Record:
    """Show the job that a submit would have made."""
    now = datetime.now(UTC)
    due_ms = submission.run_at_ms
    if submission.delay_ms is not None:
        due_ms = int(now.timestamp() * 1000) + submission.delay_ms
    record = submission.as_record(int(now.timestamp() * 1_000_000), str(due_ms or "").encode())
    return record._replace(id=NO_ID)


async def refuse_unknown_task(request: Request, task: str) -> Response:
    """Say why there is no such task."""
    resources: Resources = request.app.state.resources
    resources.registry.get(task)
    raise AssertionError(task)  # a known task has a route of its own, ahead of this one
