"""An API on a real port, because httpx's own transport buffers a whole answer; and clients of its streams."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from httpx_sse import ServerSentEvent, aconnect_sse

from jobline.cli.embedded import free_port
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.feed import read_entry
from jobline.ledger.keys import Key
from jobline.service.events.stream import Stream
from jobline.service.resources import Resources
from jobline.service.server.server import build_server
from tests.support.service import ADD, Worker

#: Otherwise httpx loads the system's certificates for each client, which takes a tenth of a second.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Api:
    """A server that can be restarted on the same port."""

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._make = make
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.app: FastAPI
        self._server: uvicorn.Server
        self._serving: asyncio.Task[None] | None = None

    @property
    def resources(self) -> Resources:
        found: Resources = self.app.state.resources
        return found

    async def start(self) -> None:
        self.app = self._make()
        self._server = build_server(self.app, "127.0.0.1", self.port, access_log=False)
        self._serving = asyncio.create_task(self._server._serve())
        async with asyncio.timeout(10):
            while not self._server.started:
                assert not self._serving.done(), "the server did not start"
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop as SIGTERM does."""
        if self._serving is not None:
            self._server.handle_exit(15, None)
            await self._serving
            self._serving = None


@asynccontextmanager
async def serving(make: Callable[[], FastAPI]) -> AsyncIterator[Api]:
    api = Api(make)
    await api.start()
    try:
        yield api
    finally:
        await api.stop()


@dataclass
class Listener:
    """A client that follows a stream as a browser does: it reconnects with the last id until a 204."""

    url: str
    events: list[ServerSentEvent] = field(default_factory=list)
    last_id: str = ""
    connections: int = 0

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    @property
    def kinds(self) -> list[str]:
        return [event.event for event in self.events]

    @property
    def contents(self) -> list[dict[str, Any]]:
        return [json.loads(event.data) for event in self.events]

    async def listen(self, *, until: Callable[[], bool] | None = None, pause_s: float = 0.02) -> None:
        """Collect events until the server has no more, or ``until`` holds."""
        async with httpx.AsyncClient(timeout=30, verify=PLAIN) as client:
            while True:
                try:
                    if await self.connect(client, until):
                        return
                except (httpx.TransportError, httpx.HTTPStatusError):
                    pass
                await asyncio.sleep(pause_s)

    async def connect(self, client: httpx.AsyncClient, until: Callable[[], bool] | None = None) -> bool:
        """Connect once; return whether the stream is complete."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        self.connections += 1
        async with aconnect_sse(client, "GET", self.url, headers=headers) as source:
            if source.response.status_code == 204:
                return True
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                self.events.append(event)
                self.last_id = event.id
                if until is not None and until():
                    return True
        return False


async def submit(api: Api) -> str:
    async with httpx.AsyncClient(verify=PLAIN) as client:
        answer = await client.post(f"{api.url}{ADD}", json={"input": {"a": 1}})
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


async def get(url: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, verify=PLAIN) as client:
        return await client.get(url, **options)


def events_of(api: Api, job_id: str) -> str:
    return f"{api.url}/v1/jobs/{job_id}/events"


def report(worker: Worker, job: Claimed, content: Any, kind: str = "progress") -> None:
    assert worker.run(commands.attempts.report(job.id, job.fence, kind, json.dumps(content))).is_current


def progress(done: int, message: str = "") -> dict[str, Any]:
    return {"done": done, "total": None, "unit": "", "message": message}


def history(worker: Worker, job_id: str) -> list[str]:
    """Return the ids of all events of a job."""
    entries: Any = worker.redis.xrange(Key.FEED.of())
    return [id_.decode() for id_, fields in entries if read_entry(id_, fields).job_id == job_id.encode()]


def streams(api: Api) -> list[Stream]:
    return [stream for group in api.resources.heartbeats._groups for stream in group]
