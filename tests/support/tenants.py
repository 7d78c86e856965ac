"""Two tenants on one service: one owns something of every kind, the other is a stranger to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from jobline.ledger.commands.attempts import PublishedArtifact
from jobline.service.resources import Resources
from tests.support.service import ADD, Worker

#: Names of the owner's things; none may reach another tenant.
MARKS = ("mark-tag", "mark-file", "mark-batch")


@dataclass
class TwoTenants:
    """Two tenants on one service, and the ids of what the owner has."""

    app: FastAPI
    client: httpx.AsyncClient
    owner: dict[str, str]
    stranger: dict[str, str]
    ids: dict[str, list[str]]

    @property
    def secrets(self) -> list[str]:
        return [*MARKS, *(one for ids in self.ids.values() for one in ids)]


async def make_things(tenants: TwoTenants, worker: Worker) -> dict[str, list[str]]:
    """Create one of everything for the owner: finished, running and waiting jobs, a file, an artifact."""
    client, owner = tenants.client, tenants.owner
    headers = {**owner, "Content-Disposition": 'attachment; filename="mark-file"'}
    file = (await client.post("/v1/files", content=b"mark", headers=headers)).json()
    order = {"input": {"a": 1}, "tags": ["mark-tag"]}
    jobs = [(await client.post(ADD, json=order, headers=owner)).json()["id"] for _ in range(3)]
    first = worker.claim()
    resources: Resources = tenants.app.state.resources

    async def chunks() -> AsyncIterator[bytes]:
        yield b"made"

    async def reserve(_: str) -> None:
        """Do nothing: settle records an artifact."""

    stored = await resources.files.save(chunks(), 100, reserve)
    artifact = PublishedArtifact(stored.id, "mark-file", "text/plain", stored.size_bytes, stored.sha256)
    worker.succeed(first, {"total": 2}, artifacts=[artifact])
    worker.claim()
    things = {"job": jobs, "file": [file["id"], stored.id]}
    if "/v1/batches" in tenants.app.openapi()["paths"]:
        batch = {"jobs": [{"task": "demo.add", **order}], "tags": ["mark-batch"]}
        answer = await client.post("/v1/batches", json=batch, headers=owner)
        things["batch"] = [answer.json()["id"]]
    return things


def kind_of(path: str) -> str:
    for word in ("batches", "files"):
        if path.startswith(f"/v1/{word}/"):
            return {"batches": "batch", "files": "file"}[word]
    return "job"


def fill(path: str, one: str) -> str:
    values = {"{id}": one, "{name}": "mark-file", "{task}": "demo.add", "{queue}": "sums"}
    for word, value in values.items():
        path = path.replace(word, value)
    return path
