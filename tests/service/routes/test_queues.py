from __future__ import annotations

from typing import Any

import httpx

from jobline.ledger import commands
from tests.support.service import ADD, RETENTION, Worker


async def submit(client: httpx.AsyncClient, **more: Any) -> None:
    assert (await client.post(ADD, json={"input": {"a": 1}, **more})).status_code == 202


async def test_queue_shows_its_status(client: httpx.AsyncClient, worker: Worker) -> None:
    for priority in (0, 5, 5, 9):
        await submit(client, priority=priority)
    await submit(client, delay_s=60)
    worker.succeed(worker.claim(), {"total": 1})
    worker.claim()
    queue = (await client.get("/v1/queues/sums")).json()
    assert queue["depth_by_priority"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert (queue["depth"], queue["scheduled"], queue["running"], queue["paused"]) == (2, 1, 1, False)
    assert 0 <= queue["oldest_age_s"] < 30
    assert queue["finished_per_minute"]["last_minute"] > 0
    assert queue["limits"]["depth"] == 1_000_000


async def test_every_queue_is_listed(client: httpx.AsyncClient) -> None:
    await submit(client, queue="other")
    names = [queue["name"] for queue in (await client.get("/v1/queues")).json()["items"]]
    assert names == ["default", "other", "sums"]


async def test_queue_that_a_worker_serves_is_paused_ahead_of_its_first_job(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    path = "/v1/queues/night/pause"
    unknown = await client.post(path)
    worker.beat(queues=["night"])
    assert (unknown.status_code, (await client.post(path)).status_code) == (404, 200)


async def test_paused_queue_starts_nothing_until_it_is_resumed(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await submit(client)
    assert (await client.post("/v1/queues/sums/pause")).json()["paused"]
    await submit(client)
    claim = commands.attempts.claim("w1", ["sums"], slots=5, lease_ms=30_000, retention=RETENTION)
    assert worker.run(claim) == []
    assert (await client.get("/v1/queues/sums")).json()["depth"] == 2
    assert not (await client.post("/v1/queues/sums/resume")).json()["paused"]
    assert len(worker.run(claim)) == 2


async def test_unknown_queue_is_404(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert (await client.request(method, f"/v1/queues/none{path}")).status_code == 404


async def test_worker_shows_its_load_and_leaves_the_list_at_once(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    about = '{"hostname":"a@b","queues":["sums"],"capacity":4,"busy":1}'
    worker.run(commands.clock.tick("w1", about, lease_ms=30_000, retention=RETENTION))
    (seen,) = (await client.get("/v1/workers")).json()["items"]
    assert seen.pop("heartbeat_age_s") < 30
    assert seen == {"name": "w1", "hostname": "a@b", "queues": ["sums"], "capacity": 4, "busy": 1}
    worker.run(commands.clock.leave("w1"))
    assert (await client.get("/v1/workers")).json()["items"] == []
