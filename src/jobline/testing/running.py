"""The whole service for a test: a real Redis, the API and a worker, run as `jobline dev` runs them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from jobline import State, Task
from jobline.cli.embedded import free_port
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.stack import Plan, open_stack
from jobline.domain.result import read_result
from jobline.testing.order import write_order
from jobline.testing.outcome import NoResult

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)

READY_TIMEOUT_S = 60.0
#: The longest wait that one request may ask for.
WAIT_S = 30
LOG_LINES = 40


class Service:
    """A running service and its API; made by ``service``."""

    def __init__(self, http: httpx.Client) -> None:
        #: A client of the API, for every request that has no method here.
        self.http = http

    @property
    def url(self) -> str:
        """The address of the API, for clients of your own."""
        return str(self.http.base_url).rstrip("/")

    def upload(self, content: bytes, name: str = "upload", media_type: str | None = None) -> str:
        """Upload a file and return its id; the media type is read from the name unless given."""
        part = (name, content, media_type) if media_type else (name, content)
        return str(read(self.http.post("/v1/files", files={"file": part}))["id"])

    def submit(
        self,
        task: Task[Input, Result],
        order: Input | Mapping[str, object],
        *,
        timeout_s: float = 30.0,
        **options: object,
    ) -> Result:
        """Submit a job, wait for its end and return its result, as the task's model.

        ``options`` are those of a request, such as ``priority`` and ``tags``. Raises NoResult when the job
        does not succeed or does not end within ``timeout_s``, and httpx.HTTPStatusError when the API refuses.
        """
        request = {**options, "input": json.loads(write_order(order))}
        job = read(self.http.post(f"/v1/tasks/{task.name}/jobs", json=request))
        job = self.wait(job["id"], timeout_s)
        if job["state"] != State.SUCCESS:
            raise NoResult(f"the job {job['id']} of {task.name} ended in {job['state']}: {job.get('error')}")
        return read_result(task, json.dumps(job["result"]))

    def wait(self, job_id: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Return a job when it has ended; raises NoResult when it does not end within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = max(0, min(WAIT_S, math.ceil(deadline - time.monotonic())))
            job = read(self.http.get(f"/v1/jobs/{job_id}", params={"wait": left_s}))
            if State(job["state"]).is_terminal:
                return job
            if time.monotonic() >= deadline:
                raise NoResult(f"the job {job_id} is {job['state']} after {timeout_s:g} s")

    def artifact(self, job_id: str, name: str) -> bytes:
        """Return the bytes of an artifact of a job."""
        answer = self.http.get(f"/v1/jobs/{job_id}/artifacts/{name}")
        answer.raise_for_status()
        return answer.content


@contextlib.contextmanager
def service(
    *tasks: Task[Any, Any] | str, slots: int = 2, environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run Redis, the API and a worker that offer some tasks, until the ``with`` block ends.

    ``tasks`` are Task objects, or names of modules as in ``JOBLINE_TASKS``. The processes find modules where
    the test does (``sys.path``). ``slots`` is the number of jobs that the worker runs at once.
    ``environment`` overrides settings, as in ``{"JOBLINE_LEASE_S": "5"}``. A start takes about three seconds,
    so share one service among tests. Data and processes are gone when it ends.

    Raises DeclarationError when the tasks cannot be loaded, ServerMissing when there is no Redis to start
    (``pip install "jobline[dev-server]"``), and NotReady after a minute.
    """
    modules = dict.fromkeys(one if isinstance(one, str) else one.function.__module__ for one in tasks)
    with tempfile.TemporaryDirectory(prefix="jobline-test-") as directory:
        plan = Plan(
            Path(directory),
            free_port(),
            stop_grace_s=1.0,
            concurrency=slots,
            redis_port=free_port(),
            environment={
                "JOBLINE_AUTH": "off",
                "JOBLINE_STOP_GRACE_S": "1",
                "JOBLINE_TASKS": ",".join(modules),
                "JOBLINE_TRACEBACKS": "true",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                **(environment or {}),
            },
        )
        with (
            running(plan) as url,
            httpx.Client(base_url=url, timeout=WAIT_S + 10, trust_env=False) as http,
        ):
            yield Service(http)


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[str]:
    """Run the processes from a thread with an event loop of its own; yield the address of the API."""
    ready: Future[str] = Future()
    log = io.StringIO()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def supervise() -> None:
        try:
            async with open_stack(plan, Console(log)) as stack:
                await stack.wait_until_ready(READY_TIMEOUT_S)
                ready.set_result(stack.url)
                await stop.wait()
        except BaseException as error:
            if ready.done():
                raise
            error.add_note("\n".join(log.getvalue().splitlines()[-LOG_LINES:]))
            ready.set_exception(error)

    thread = threading.Thread(target=loop.run_until_complete, args=(supervise(),), name="jobline-service")
    thread.start()
    try:
        yield ready.result()
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def read(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer; raises httpx.HTTPStatusError, with the problem's text, for a refusal."""
    try:
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        error.add_note(answer.text)
        raise
    content: dict[str, Any] = answer.json()
    return content
