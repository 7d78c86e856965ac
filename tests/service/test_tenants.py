"""Another tenant's key sees nothing: walked over every route of the specification, those to come too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from jobline.ledger.commands.attempts import PublishedArtifact
from jobline.service.app import build_app
from jobline.service.resources import Resources
from tests.service import demo_tasks
from tests.service.conftest import ADD, MakeKey, Worker, bearer, running

Json = dict[str, Any]
#: What the owner's things are called; none of it may reach another tenant.
MARKS = ("mark-tag", "mark-file", "mark-batch")
#: A stream does not end by itself: asked with what it cannot resume from, it answers at once.
STREAMS = ("/events",)
MISSING = {404, 405}


@dataclass
class World:
    """Two tenants on one service, and what one of them has."""

    app: FastAPI
    client: httpx.AsyncClient
    owner: dict[str, str]
    stranger: dict[str, str]
    ids: dict[str, list[str]]

    @property
    def secrets(self) -> list[str]:
        return [*MARKS, *(one for ids in self.ids.values() for one in ids)]


@pytest.fixture
async def world(redis_url: str, tmp_path: Any, worker: Worker, make_key: MakeKey) -> AsyncIterator[World]:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path, auth=Auth.KEYS)
    app = build_app(settings, Registry.of(demo_tasks.ALL))
    async with running(app) as client:
        world = World(app, client, bearer(make_key("acme")), bearer(make_key("umbrella")), {})
        world.ids = await make_things(world, worker)
        yield world


async def make_things(world: World, worker: Worker) -> dict[str, list[str]]:
    """Have the owner make one of everything: a finished, a running and a waiting job, a file, an artifact."""
    client, owner = world.client, world.owner
    headers = {**owner, "Content-Disposition": 'attachment; filename="mark-file"'}
    file = (await client.post("/v1/files", content=b"mark", headers=headers)).json()
    order = {"input": {"a": 1}, "tags": ["mark-tag"]}
    jobs = [(await client.post(ADD, json=order, headers=owner)).json()["id"] for _ in range(3)]
    first = worker.claim()
    resources: Resources = world.app.state.resources

    async def chunks() -> AsyncIterator[bytes]:
        yield b"made"

    stored = await resources.files.save(chunks(), 100)
    artifact = PublishedArtifact(stored.id, "mark-file", "text/plain", stored.size_bytes, stored.sha256)
    worker.succeed(first, {"total": 2}, artifacts=[artifact])
    worker.claim()
    things = {"job": jobs, "file": [file["id"], stored.id]}
    if "/v1/batches" in world.app.openapi()["paths"]:
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


async def test_no_route_shows_or_changes_what_is_anothers(world: World, worker: Worker) -> None:
    before = snapshot(worker)
    walked = 0
    for path, item in world.app.openapi()["paths"].items():
        for method in item:
            ids = world.ids.get(kind_of(path), [""]) if "{id}" in path else [""]
            for one in ids:
                if path.endswith(STREAMS) and "{id}" not in path:
                    continue  # of the whole tenant: what it sends is a test of its own
                if method == "post" and path.endswith(("/jobs", "/batches", "/files")):
                    continue  # makes something of the stranger's own
                if method == "post" and path.startswith("/v1/queues/"):
                    continue  # of all tenants, by the scope admin
                answer = await world.client.request(
                    method, fill(path, one), headers=world.stranger, params={"wait": 0}
                )
                walked += 1
                if "{id}" in path:
                    assert answer.status_code == 404, (method, path, answer.status_code)
                    continue
                assert [word for word in world.secrets if word in answer.text] == [], (method, path)
    assert walked > 15
    assert snapshot(worker) == before


def snapshot(worker: Worker) -> Json:
    """Give the state of every job and file."""
    found: Json = {}
    for key in sorted(worker.redis.scan_iter("jl:job:*")):
        found[str(key)] = worker.redis.hmget(key, "state", "cancel", "tags")
    for key in sorted(worker.redis.scan_iter("jl:file:*")):
        found[str(key)] = worker.redis.hgetall(key)
    return found


async def test_owner_is_answered_where_the_stranger_is_not(world: World) -> None:
    """The walk proves something: with the owner's key the same requests find the things."""
    for path, item in world.app.openapi()["paths"].items():
        if "get" in item and "{id}" in path and not path.endswith(STREAMS):
            one = world.ids.get(kind_of(path), [""])[0]
            answer = await world.client.get(fill(path, one), headers=world.owner)
            typed_elsewhere = path.startswith("/v1/tasks/") and "demo.add" not in path
            assert (answer.status_code == 404) is typed_elsewhere, (path, answer.status_code)


async def test_strangers_lists_are_empty_and_filters_do_not_help(world: World) -> None:
    for query in ("", "?tag=mark-tag", "?task=demo.add", "?queue=sums", "?state=SUCCESS"):
        answer = await world.client.get(f"/v1/jobs{query}", headers=world.stranger)
        assert answer.json() == {"items": [], "next_cursor": None}
    assert len((await world.client.get("/v1/jobs", headers=world.owner)).json()["items"]) >= 3


async def test_anothers_file_is_no_input(world: World) -> None:
    order = {"input": {"file": world.ids["file"][0]}}
    answer = await world.client.post("/v1/tasks/photo.look/jobs", json=order, headers=world.stranger)
    assert answer.status_code == 404


async def test_idempotency_keys_are_of_one_tenant(world: World) -> None:
    order = {"input": {"a": 1}}
    answers = [
        await world.client.post(ADD, json=order, headers={**who, "Idempotency-Key": "same"})
        for who in (world.owner, world.stranger, world.owner)
    ]
    ids = [answer.json()["id"] for answer in answers]
    assert ids[0] == ids[2] != ids[1]
    assert "idempotent-replayed" not in answers[1].headers


async def test_expired_job_is_410_for_its_tenant_and_404_for_others(world: World, worker: Worker) -> None:
    worker.forget(world.ids["job"][0])
    path = f"/v1/jobs/{world.ids['job'][0]}"
    own = await world.client.get(path, headers=world.owner)
    other = await world.client.get(path, headers=world.stranger)
    assert (own.status_code, other.status_code) == (410, 404)


async def test_without_keys_all_is_the_public_tenants(client: httpx.AsyncClient, worker: Worker) -> None:
    job = (await client.post(ADD, json={"input": {"a": 1}})).json()
    place = worker.redis.hget(f"jl:job:{job['id']}", "place")
    assert place == b"public:demo.add:sums"
    assert json.dumps(job).count("public") == 0
