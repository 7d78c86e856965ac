from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.service import ADD, Worker


async def submit(client: httpx.AsyncClient, path: str = ADD, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"a": 1} if path == ADD else {}
    job: dict[str, Any] = (await client.post(path, json={"input": given, **more})).json()
    return job


async def test_pages_follow_one_another_newest_first(client: httpx.AsyncClient) -> None:
    made = [(await submit(client))["id"] for _ in range(5)]
    seen: list[str] = []
    page = await client.get("/v1/jobs?limit=2&task=demo.add")
    while True:
        seen += [job["id"] for job in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        assert ("next" in page.links) == (cursor is not None)
        if cursor is None:
            break
        await submit(client)  # a new job does not move the pages that follow
        assert f"cursor={cursor}" in page.links["next"]["url"]
        page = await client.get(page.links["next"]["url"])

    assert seen == made[::-1]


async def test_list_filters_by_everything(client: httpx.AsyncClient, worker: Worker) -> None:
    first = await submit(client, tags=["red"])
    second = await submit(client, "/v1/tasks/demo.draw/jobs", tags=["red"])
    third = await submit(client, queue="other")
    worker.claim()

    async def found(query: str) -> set[str]:
        answer = await client.get(f"/v1/jobs?{query}")
        assert answer.status_code == 200, answer.text
        return {job["id"] for job in answer.json()["items"]}

    assert await found("state=STARTED") == {first["id"]}
    assert await found("task=demo.draw") == {second["id"]}
    assert await found("queue=other") == {third["id"]}
    assert await found("tag=red") == {first["id"], second["id"]}
    assert await found("tag=red&state=PENDING") == {second["id"]}
    assert await found("task=demo.none") == set()


async def test_list_filters_by_time(client: httpx.AsyncClient) -> None:
    jobs = [await submit(client) for _ in range(3)]
    middle = jobs[1]["created_at"]

    async def found(**query: str) -> list[str]:
        answer = await client.get("/v1/jobs", params=query)
        return [job["id"] for job in answer.json()["items"]]

    assert await found(created_after=middle) == [jobs[2]["id"]]
    assert await found(created_before=middle) == [jobs[0]["id"]]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await found(created_after=later) == []


@pytest.mark.parametrize(
    "query",
    [
        "cursor=!!!",
        "cursor=MTp4",
        "cursor=ä",
        "limit=0",
        "limit=201",
        "limit=x",
        "state=LOST",
        "created_after=soon",
        "created_after=2026-01-01T00:00:00",
    ],
)
async def test_bad_filter_is_422(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/jobs?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
