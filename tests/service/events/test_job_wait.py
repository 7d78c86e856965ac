"""Deferred responses of waiting clients: the same as without a wait, and released when the client leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import SecretStr

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.errors import NotFound
from jobline.domain.rate import Rate
from jobline.domain.record import Record
from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from jobline.ledger import commands
from jobline.ledger.keys import Key
from jobline.service.app import build_app
from jobline.service.events.dispatcher import Notification
from jobline.service.events.waiting import JobWait
from jobline.service.resources import Resources
from tests.support.service import ADD, DRAW, ORDER, MakeKey, Serve, Worker, bearer, submit
from tests.support.streaming import PLAIN, Api, serving
from tests.support.tasks import simple
from tests.support.waiting import DEADLINE_S, until

PATHS = ["/v1/jobs/{}", f"{ADD}/{{}}", "/v1/jobs/{}/result"]
#: Headers that differ between requests.
OWN = {"x-request-id", "ratelimit", "date"}


@pytest.fixture
def resources(app: FastAPI) -> Resources:
    found: Resources = app.state.resources
    return found


@pytest.fixture
async def api(redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
    async with serving(lambda: build_app(settings, Registry.of(simple.ALL))) as api:
        yield api


def parts(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body, without what differs between requests."""
    own = [(name, "" if name in OWN else value) for name, value in answer.headers.multi_items()]
    return answer.status_code, own, answer.content


def is_watched(worker: Worker, job_id: str) -> Callable[[], bool]:
    return lambda: bool(worker.redis.hexists(Key.JOB.of(job_id), "subscribers"))


@pytest.mark.parametrize("path", PATHS)
async def test_answer_after_a_wait_is_that_of_a_request_that_did_not_wait(
    serve: Serve, worker: Worker, make_key: MakeKey, path: str
) -> None:
    headers = {**bearer(make_key()), "origin": "https://shop.example", "x-request-id": "mine"}
    allowed = ("https://shop.example",)
    async with serve(auth=Auth.KEYS, rate_limit=Rate(100, 60), cors_origins=allowed) as client:
        job_id = (await client.post(ADD, json=ORDER, headers=headers)).json()["id"]
        url = path.format(job_id)
        asked = [
            asyncio.create_task(client.get(f"{url}?wait={wait_s}", headers=headers)) for wait_s in (0.2, 20)
        ]
        late = parts(await asked[0])
        pending = parts(await client.get(url, headers=headers))
        worker.succeed(worker.claim(), {"total": 2.0})
        waited = parts(await asyncio.wait_for(asked[1], DEADLINE_S))
        ended = parts(await client.get(url, headers=headers))

    assert (waited, late) == (ended, pending)
    assert {name for name, _ in waited[1]} >= OWN - {"date"}
    assert ("access-control-allow-origin", allowed[0]) in waited[1]


async def test_submit_that_waited_in_vain_is_answered_as_one_that_did_not(client: httpx.AsyncClient) -> None:
    plain, waited = await submit(client), await submit(client, prefer="wait=1")
    own = [
        [(name, "" if name in {*OWN, "location"} else value) for name, value in answer.headers.multi_items()]
        for answer in (plain, waited)
    ]

    assert own[0] == own[1]
    assert (plain.status_code, waited.status_code) == (202, 202)
    assert plain.json().keys() == waited.json().keys()


@pytest.mark.parametrize(("ending", "status"), [("succeed", 200), ("fail", 409)])
async def test_wait_for_a_result_ends_as_the_job_does(
    client: httpx.AsyncClient, worker: Worker, ending: str, status: int
) -> None:
    job_id = (await submit(client)).json()["id"]
    asked = asyncio.create_task(client.get(f"/v1/jobs/{job_id}/result?wait=20"))
    await until(is_watched(worker, job_id))
    job = worker.claim()
    if ending == "succeed":
        worker.succeed(job, {"total": 2.0})
    else:
        worker.fail(job)
    assert (await asyncio.wait_for(asked, DEADLINE_S)).status_code == status


async def test_etag_that_is_still_true_is_304_after_the_wait(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    url = (await submit(client)).headers["location"]
    known = {"if-none-match": (await client.get(url)).headers["etag"]}
    same = await client.get(f"{url}?wait=0.2", headers=known)
    asked = asyncio.create_task(client.get(f"{url}?wait=20", headers=known))
    await until(is_watched(worker, url[9:]))
    worker.succeed(worker.claim(), {"total": 2.0})
    other = await asyncio.wait_for(asked, DEADLINE_S)

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", known["if-none-match"])
    assert (other.status_code, other.json()["state"]) == (200, "SUCCESS")


@pytest.mark.parametrize("path", PATHS)
async def test_job_deleted_during_the_wait_is_the_problem_of_a_plain_read(
    client: httpx.AsyncClient, worker: Worker, path: str
) -> None:
    job_id = (await submit(client)).json()["id"]
    url = path.format(job_id)
    asked = asyncio.create_task(client.get(f"{url}?wait=0.5"))
    await until(is_watched(worker, job_id))
    worker.redis.delete(Key.JOB.of(job_id))
    answer = await asked

    assert answer.status_code == 404
    assert parts(answer) == parts(await client.get(url))


async def test_redis_away_at_the_end_of_the_wait_is_503(
    client: httpx.AsyncClient, worker: Worker, redis_server: EmbeddedRedis
) -> None:
    url = (await submit(client)).headers["location"]
    asked = asyncio.create_task(client.get(f"{url}?wait=0.5"))
    await until(is_watched(worker, url[9:]))
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        answer = await asyncio.wait_for(asked, DEADLINE_S)
        plain = await client.get(url)
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)

    assert answer.status_code == 503
    assert parts(answer) == parts(plain)


async def test_defect_at_the_end_of_the_wait_is_a_logged_500(
    client: httpx.AsyncClient,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = (await submit(client)).headers["location"]
    asked = asyncio.create_task(client.get(f"{url}?wait=20", headers={"x-request-id": "order-7"}))
    await until(is_watched(worker, url[9:]))

    def explode(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("jobline.service.routes.jobs.make_etag", explode)
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await asyncio.wait_for(asked, DEADLINE_S)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"GET {url} failed, request order-7"
    ]


async def test_job_of_another_task_is_404_without_a_wait(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    job_id = (await submit(client)).json()["id"]
    began = time.monotonic()
    answer = await client.get(f"{DRAW}/{job_id}?wait=20")

    assert (answer.status_code, time.monotonic() - began < 5) == (404, True)
    assert not resources.dispatcher._subscribers


async def test_submit_answered_in_time_is_noted_whichever_client_read_the_end(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    asked = [asyncio.create_task(submit(client, **{"idempotency-key": "k", "prefer": "wait=20"}))]
    await until(lambda: worker.redis.zcard(Key.WAITING.of("sums", "public")) == 1)
    job = worker.claim()
    before = calls(worker)
    asked += [asyncio.create_task(client.get(f"/v1/jobs/{job.id}?wait=20")) for _ in range(20)]
    await until(lambda: calls(worker) - before == 20)
    worker.succeed(job, {"total": 2.0})
    answers = await asyncio.wait_for(asyncio.gather(*asked), DEADLINE_S)
    replay = await submit(client, **{"idempotency-key": "k"})

    assert [answer.status_code for answer in [*answers, replay]] == [200] * 22


async def test_end_that_came_before_the_wait_is_noted_as_answered(
    client: httpx.AsyncClient, worker: Worker, resources: Resources
) -> None:
    job_id = (await submit(client)).json()["id"]
    worker.succeed(worker.claim(), {"total": 2.0})
    ended = worker.run(commands.jobs.read_job(job_id, "public"))
    written: list[Record] = []

    def write(record: Record) -> Response:
        written.append(record)
        return Response()

    async def read() -> Record:
        return ended

    wait = JobWait(resources.dispatcher, resources.store, job_id, "public", 20, write, notes_end=True)
    await wait.watch(read())

    assert (ended.answered, [record.answered for record in written]) == (False, [True])


async def test_end_of_a_job_is_read_once_for_all_waiting_clients(
    client: httpx.AsyncClient, worker: Worker, resources: Resources
) -> None:
    url = (await submit(client)).headers["location"]
    await client.get(url)
    before = calls(worker)
    asked = [asyncio.create_task(client.get(f"{url}?wait=20")) for _ in range(50)]
    await until(lambda: calls(worker) - before == 50)
    worker.succeed(worker.claim(), {"total": 2.0})
    answers = await asyncio.wait_for(asyncio.gather(*asked), DEADLINE_S)

    assert {answer.json()["state"] for answer in answers} == {"SUCCESS"}
    assert calls(worker) - before == 51
    assert not resources.dispatcher._subscribers


def calls(worker: Worker) -> int:
    """Return the number of commands that the service sent; the fake worker uses another one."""
    count: int = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    return count


READ = "GET /v1/jobs/{id}?wait=20 HTTP/1.1\r\nHost: test\r\n\r\n"
SUBMIT = (
    f"POST {ADD} HTTP/1.1\r\nHost: test\r\nPrefer: wait=20\r\nContent-Type: application/json\r\n"
    'Content-Length: 17\r\n\r\n{{"input":{{"a":1}}}}'
)


@pytest.mark.parametrize("request_", [READ, SUBMIT])
async def test_wait_ends_when_its_client_leaves(api: Api, worker: Worker, request_: str) -> None:
    async with httpx.AsyncClient(base_url=api.url, verify=PLAIN) as client:
        job_id = (await submit(client)).json()["id"]
    clients = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(3)]
    for one in clients:
        one.sendall(request_.format(id=job_id).encode())
    watchers = api.resources.dispatcher._subscribers
    await until(lambda: sum(map(len, watchers.values())) == 3)
    for one in clients:
        one.close()
    await until(lambda: not watchers)


async def test_connection_serves_on_after_a_wait(api: Api, worker: Worker) -> None:
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(base_url=api.url, verify=PLAIN, limits=limits) as client:
        url = (await submit(client)).headers["location"]
        answers = [await client.get(f"{url}?wait=0.2") for _ in range(3)]
        worker.succeed(worker.claim(), {"total": 2.0})
        answers.append(await client.get(f"{url}?wait=20"))
    assert [answer.json()["state"] for answer in answers] == ["PENDING"] * 3 + ["SUCCESS"]


async def test_connection_has_no_more_attributes_than_python_lets_all_share(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url, verify=PLAIN) as client:
        await submit(client)
        (connection,) = api._server.server_state.connections
        assert len(vars(connection)) <= 30  # one more is 1.3 kB for each


async def test_shutdown_answers_every_waiting_client(api: Api, worker: Worker) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=api.url, verify=PLAIN, limits=limits, timeout=30) as client:
        url = (await submit(client)).headers["location"]
        reads = [asyncio.create_task(client.get(f"{url}?wait=20")) for _ in range(20)]
        submits = [asyncio.create_task(submit(client, prefer="wait=20")) for _ in range(20)]
        await until(lambda: sum(map(len, api.resources.dispatcher._subscribers.values())) == 40)
        began = time.monotonic()
        await api.stop()
        took = time.monotonic() - began
        answers = await asyncio.wait_for(asyncio.gather(*reads, *submits), DEADLINE_S)

    assert took < 2
    assert [answer.status_code for answer in answers] == [200] * 20 + [202] * 20
    assert {answer.json()["state"] for answer in answers} == {"PENDING"}


async def test_wait_of_another_tenant_does_not_decide_what_the_owner_gets(
    resources: Resources, client: httpx.AsyncClient, worker: Worker
) -> None:
    """The first to hear of an end read the job for all: with a stranger first, the owner got a 404."""
    job_id = (await submit(client)).json()["id"]
    worker.succeed(worker.claim(), {"total": 2})
    waits = [
        JobWait(resources.dispatcher, resources.store, job_id, tenant, 5, lambda _: Response())
        for tenant in ("stranger", "public", "public")
    ]
    notification = Notification(job_id, "job.succeeded", b"")
    for wait in waits:
        wait.notify(notification)
    await asyncio.wait(notification.readings.values())
    assert isinstance(notification.readings["stranger"].exception(), NotFound)
    assert notification.readings["public"].result().id == job_id
    assert len(notification.readings) == 2
