"""``POST /v1/tasks/{task}/jobs``, the hot path: one typed operation for each task.

A `SubmitRoute` answers without FastAPI's layers, without dependency solving and without a response model: the
bytes of the body are validated once, in Rust, and one script stores the job. The signature of the endpoint
serves the OpenAPI document alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Header, Query
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from jobline.domain.access import Scope as KeyScope
from jobline.domain.record import Record
from jobline.domain.submission import Submission
from jobline.domain.task import Task
from jobline.ledger import commands
from jobline.service.answers.content import write_job
from jobline.service.answers.json_answer import JsonAnswer, send_json
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.answers.retry_after import retry_after_s
from jobline.service.events.waiting import JobWait
from jobline.service.guards.scopes import find_tenant, needs
from jobline.service.intake.body import read_body, read_headers
from jobline.service.intake.headers import MAX_WAIT_S, NO_PREFERENCE, Prefer, read_key, read_prefer
from jobline.service.intake.jobs import (
    add_key,
    check_files,
    check_json_type,
    make_submission,
    read_request,
)
from jobline.service.resources import Resources
from jobline.service.routes.direct import DirectRoute
from jobline.service.routes.parameters import IdempotencyKey

ERRORS = (400, 404, 410, 413, 415, 422, 429, 503)
#: The ID of a job that was only validated.
NO_ID = "00000000-0000-0000-0000-000000000000"
#: The headers that a submit reads.
HEADERS = frozenset({b"content-type", b"content-length", b"idempotency-key", b"prefer"})

ValidateOnly = Annotated[bool, Query(description="Only validate the request; store nothing.")]
PreferHeader = Annotated[
    str | None,
    Header(
        description=f"`wait=N` waits up to N seconds for the end of the job, at most {MAX_WAIT_S}; "
        "`respond-async` does not wait (RFC 7240)."
    ),
]


def routes(resources: Resources) -> Iterator[BaseRoute]:
    """Yield the submit of each task."""
    for task in resources.registry:
        yield make_route(task, resources)


def make_route(task: Task[Any, Any], resources: Resources) -> BaseRoute:
    """Return the typed operation of one task."""
    models = resources.models[task.name]

    async def submit(
        body: models.request,  # type: ignore[name-defined] # created at run time
        validate_only: ValidateOnly = False,  # noqa: FBT002 - a query
        prefer: PreferHeader = None,
        idempotency_key: IdempotencyKey = None,
    ) -> None:
        """Serve the OpenAPI document alone: `SubmitRoute` answers."""

    return SubmitRoute(
        f"/v1/tasks/{task.name}/jobs",
        submit,
        status_code=202,
        response_model=models.job,
        operation_id=f"submit_{task.slug}",
        tags=[task.family],
        summary=task.summary,
        description=task.description or task.summary,
        response_description="The job was accepted and is stored durably.",
        responses={
            200: {
                "model": models.job,
                "description": "The job finished within the time to wait, or the request was only validated.",
            },
            **problems(*ERRORS),
        },
        openapi_extra=needs(KeyScope.SUBMIT),
        task=task,
        resources=resources,
    )


class SubmitRoute(DirectRoute):
    """The submit of one task."""

    def __init__(self, *parts: Any, task: Task[Any, Any], resources: Resources, **more: Any) -> None:
        self.task = task
        self.resources = resources
        super().__init__(*parts, **more)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate, store and answer one submit."""
        resources, task, tenant = self.resources, self.task, find_tenant(scope)
        headers = read_headers(scope, HEADERS)
        check_json_type(headers.get(b"content-type"))
        body = await read_body(receive, resources.settings.max_body_bytes, headers.get(b"content-length"))
        models = resources.models[task.name]
        request = read_request(models, body)
        submission = make_submission(task, request, tenant)
        if submission.queue != task.queue:
            resources.registry.check_queue(submission.queue, resources.settings.queues, "/queue")
        if key := read_key(headers.get(b"idempotency-key")):
            submission = add_key(submission, key, request, body, models)
        if request.files:
            check_files(request, await resources.store.run(commands.files.read_files(tenant, request.files)))
        if scope["query_string"] and is_validation(scope["query_string"]):
            await send_json(send, 200, write_job(preview(submission), tracebacks=False))
            return
        prefer = read_prefer(headers.get(b"prefer"))
        if prefer.wait_s:
            answer = await submit_and_wait(resources, submission, prefer)
            await answer(scope, receive, send)
            return
        record = await submit(resources, submission)
        status, more = describe_answer(record, prefer, is_replay=record.id != submission.id)
        await send_json(send, status, write_job(record, tracebacks=resources.settings.tracebacks), *more)


async def submit(resources: Resources, submission: Submission, watcher: str = "") -> Record:
    """Store the job; raises the ledger's refusals."""
    command = commands.submitting.submit(
        submission, queue_limit=resources.settings.queue_limit, subscriber=watcher
    )
    return (await resources.store.run(command)).accepted()


async def submit_and_wait(resources: Resources, submission: Submission, prefer: Prefer) -> ASGIApp:
    """Store the job, and answer at its end or when the time to wait is over."""
    write = partial(write_answer, resources, prefer, submission.id)
    wait = JobWait(
        resources.dispatcher,
        resources.store,
        submission.id,
        submission.tenant,
        prefer.wait_s,
        write,
        notes_end=bool(submission.idempotency),
    )

    async def store() -> Record:
        record = wait.set_fallback(await submit(resources, submission, resources.dispatcher.name))
        return record if record.id == submission.id else await wait.switch_to(record)

    await resources.dispatcher.ready()
    return await wait.watch(store())


def write_answer(resources: Resources, prefer: Prefer, own_id: str, record: Record) -> ASGIApp:
    """Return the response to a submit whose client waited."""
    status, headers = describe_answer(record, prefer, is_replay=record.id != own_id)
    return JsonAnswer(status, write_job(record, tracebacks=resources.settings.tracebacks), headers)


def describe_answer(
    record: Record, prefer: Prefer, *, is_replay: bool
) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Return status and headers: 200 for a job that finished while the client waited, otherwise 202.

    A replay without preferences gets the status of the first response.
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


def is_validation(query: bytes) -> bool:
    """Parse ``?validate_only=``."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("validate_only")
    if not values:
        return False
    match values[-1].lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise BadParameter("validate_only must be true or false.")


def preview(submission: Submission) -> Record:
    """Return the job that a submit would create."""
    now = datetime.now(UTC)
    due_ms = submission.run_at_ms
    if submission.delay_ms is not None:
        due_ms = int(now.timestamp() * 1000) + submission.delay_ms
    record = submission.as_record(int(now.timestamp() * 1_000_000), str(due_ms or "").encode())
    return record._replace(id=NO_ID)
