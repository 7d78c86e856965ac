from __future__ import annotations

import json
from importlib.resources import files

import httpx
import pytest
from fastapi import FastAPI

from jobline.service.openapi.document import render
from jobline.service.routes.docs import ASSETS, REDOC_LOGO


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


async def test_redoc_asks_no_other_server_for_its_logo(client: httpx.AsyncClient) -> None:
    """ReDoc loads nothing from elsewhere: its policy would block it, and log an error at each visit."""
    script = (await client.get("/docs/redoc.js")).text

    assert "cdn." not in script
    assert len(script) > 1_000_000


def test_redoc_still_names_its_logo() -> None:
    """Fails when ReDoc no longer loads the logo: then the rewrite of its script can go."""
    package, folder = ASSETS
    original = files(package).joinpath(folder, "redoc.standalone.js").read_text("utf-8")
    assert original.count(REDOC_LOGO) == 1
