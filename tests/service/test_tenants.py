"""A key sees nothing of another tenant. The tests visit every operation of the document, also new ones."""

from __future__ import annotations

import json
from typing import Any

import httpx

from jobline.ledger.keys import Key
from tests.support.service import ADD, Worker
from tests.support.tenants import TwoTenants, fill, kind_of

Json = dict[str, Any]
#: A stream does not end by itself; asked to resume from an invalid ID, it responds at once.
STREAMS = ("/events",)
MISSING = {404, 405}


async def test_no_route_shows_or_changes_another_tenants_data(tenants: TwoTenants, worker: Worker) -> None:
    before = snapshot(worker)
    walked = 0
    for path, item in tenants.app.openapi()["paths"].items():
        for method in item:
            ids = tenants.ids.get(kind_of(path), [""]) if "{id}" in path else [""]
            for one in ids:
                if path.endswith(STREAMS) and "{id}" not in path:
                    continue  # concerns the whole tenant and has a test of its own
                if method == "post" and path.endswith(("/jobs", "/batches", "/files")):
                    continue  # creates something for the other tenant itself
                if method == "post" and path.startswith("/v1/queues/"):
                    continue  # needs admin, and concerns all tenants
                answer = await tenants.client.request(
                    method, fill(path, one), headers=tenants.stranger, params={"wait": 0}
                )
                walked += 1
                if "{id}" in path:
                    assert answer.status_code == 404, (method, path, answer.status_code)
                    continue
                assert [word for word in tenants.secrets if word in answer.text] == [], (method, path)
    assert walked > 15
    assert snapshot(worker) == before


def snapshot(worker: Worker) -> Json:
    """Return the state of every job and file."""
    found: Json = {}
    for key in sorted(worker.redis.scan_iter(Key.JOB.of("*"))):
        found[str(key)] = worker.redis.hmget(key, "state", "cancel", "tags")
    for key in sorted(worker.redis.scan_iter(Key.FILE.of("*"))):
        found[str(key)] = worker.redis.hgetall(key)
    return found


async def test_owner_succeeds_with_the_same_requests(tenants: TwoTenants) -> None:
    """With the owner's key, the same requests succeed: so the test above proves something."""
    for path, item in tenants.app.openapi()["paths"].items():
        if "get" in item and "{id}" in path and not path.endswith(STREAMS):
            one = tenants.ids.get(kind_of(path), [""])[0]
            answer = await tenants.client.get(fill(path, one), headers=tenants.owner)
            typed_elsewhere = path.startswith("/v1/tasks/") and "demo.add" not in path
            assert (answer.status_code == 404) is typed_elsewhere, (path, answer.status_code)


async def test_lists_of_another_tenant_are_empty_whatever_the_filter(tenants: TwoTenants) -> None:
    for query in ("", "?tag=mark-tag", "?task=demo.add", "?queue=sums", "?state=SUCCESS"):
        answer = await tenants.client.get(f"/v1/jobs{query}", headers=tenants.stranger)
        assert answer.json() == {"items": [], "next_cursor": None}
    assert len((await tenants.client.get("/v1/jobs", headers=tenants.owner)).json()["items"]) >= 3


async def test_input_cannot_refer_to_another_tenants_file(tenants: TwoTenants) -> None:
    order = {"input": {"file": tenants.ids["file"][0]}}
    answer = await tenants.client.post("/v1/tasks/photo.look/jobs", json=order, headers=tenants.stranger)
    assert answer.status_code == 404


async def test_idempotency_keys_are_per_tenant(tenants: TwoTenants) -> None:
    order = {"input": {"a": 1}}
    answers = [
        await tenants.client.post(ADD, json=order, headers={**who, "Idempotency-Key": "same"})
        for who in (tenants.owner, tenants.stranger, tenants.owner)
    ]
    ids = [answer.json()["id"] for answer in answers]
    assert ids[0] == ids[2] != ids[1]
    assert "idempotent-replayed" not in answers[1].headers


async def test_expired_job_is_410_for_its_tenant_and_404_for_others(
    tenants: TwoTenants, worker: Worker
) -> None:
    worker.forget(tenants.ids["job"][0])
    path = f"/v1/jobs/{tenants.ids['job'][0]}"
    own = await tenants.client.get(path, headers=tenants.owner)
    other = await tenants.client.get(path, headers=tenants.stranger)
    assert (own.status_code, other.status_code) == (410, 404)


async def test_without_keys_every_job_belongs_to_the_public_tenant(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    job = (await client.post(ADD, json={"input": {"a": 1}})).json()
    partition = worker.redis.hget(Key.JOB.of(job["id"]), "partition")
    assert partition == b"public:demo.add:sums"
    assert json.dumps(job).count("public") == 0
