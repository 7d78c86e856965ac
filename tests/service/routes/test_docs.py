from __future__ import annotations

import json

import httpx
import pytest
from fastapi import FastAPI

from jobline.service.openapi.document import render


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    policy = answer.headers["content-security-policy"]

    assert answer.status_code == 200
    assert "script-src 'self'" in policy
    assert "http" not in answer.text.replace("http-equiv", "")
    assert "<script>" not in answer.text
    for path in [part.split('"')[0] for part in answer.text.split('src="')[1:]]:
        assert (await client.get(path)).status_code == 200


async def test_every_answer_forbids_sniffing(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/v1/jobs", "/nowhere", "/openapi.json", "/health/live"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_openapi_is_served_as_it_is_rendered(client: httpx.AsyncClient, app: FastAPI) -> None:
    served = await client.get("/openapi.json")
    assert served.json() == json.loads(render(app))
