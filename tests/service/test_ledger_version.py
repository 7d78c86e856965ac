"""A ledger of another version: a problem that says so, and all well once it is right."""

from __future__ import annotations

import httpx
import pytest

from jobline.ledger.keys import LAYOUT_VERSION, Key
from tests.support.service import ADD, Worker, submit

VERSION = Key.VERSION.of()


@pytest.mark.parametrize("found", [LAYOUT_VERSION - 1, LAYOUT_VERSION + 1])
async def test_other_version_is_503_everywhere(client: httpx.AsyncClient, worker: Worker, found: int) -> None:
    worker.redis.set(VERSION, found)
    answers = [
        await client.post(ADD, json={"input": {"a": 1}}),
        await client.post(ADD, json={"input": {"a": 1}}, headers={"prefer": "wait=5"}),
        await client.get("/v1/jobs"),
        await client.get("/v1/queues"),
        await client.get("/health/ready"),
    ]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "ledger-version")
        assert f"has version {found}, this program reads version {LAYOUT_VERSION}" in problem["detail"]
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200
    assert "version" in (await client.get("/problems/ledger-version")).text

    worker.redis.set(VERSION, LAYOUT_VERSION)
    assert (await submit(client)).status_code == 202
