from __future__ import annotations

import httpx

from jobline.domain.task import Task
from tests.support.tasks.simple import missing


async def test_tasks_are_described_with_their_schemas(client: httpx.AsyncClient) -> None:
    items = {item["name"]: item for item in (await client.get("/v1/tasks")).json()["items"]}
    one = items["demo.add"]

    assert list(items) == ["demo.add", "demo.draw", "photo.look", "photo.missing"]
    assert (one["queue"], one["max_attempts"], one["timeout_s"], one["available"]) == ("sums", 4, 60, True)
    assert one["input_schema"]["required"] == ["a"]
    assert one["result_schema"]["properties"]["total"]["type"] == "number"
    assert (await client.get("/v1/tasks/demo.add")).json() == one
    assert (await client.get("/v1/tasks/demo.none")).status_code == 404


async def test_unavailable_task_says_what_to_install(client: httpx.AsyncClient) -> None:
    assert isinstance(missing, Task)
    item = (await client.get("/v1/tasks/photo.missing")).json()
    assert item["available"] is False
    assert "jobline[none_such]" in item["install"]
