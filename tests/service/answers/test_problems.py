from __future__ import annotations

import logging

import httpx
import pytest
from fastapi import FastAPI

from jobline.domain.errors import Refused
from jobline.service.resources import Resources
from jobline.service.routes.problems import find_kinds


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", "/v1/tasks/demo.add/jobs", 405, "POST"),
        ("PATCH", "/v1/files/x", 405, "DELETE, GET, HEAD"),
        ("POST", "/v1/jobs", 405, "GET, HEAD"),
        ("OPTIONS", "/v1/jobs/cancel", 405, "POST"),
        ("GET", "/assets/docs/none.js", 404, None),
        ("GET", "/problems/none", 404, None),
    ],
)
async def test_router_answers_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("allow") == allow


async def test_every_problem_has_its_page(client: httpx.AsyncClient) -> None:
    codes = {kind.code for kind in find_kinds(Refused)} | {"ledger-unavailable", "ledger-version", "internal"}
    assert len(codes) > 12
    pages = [await client.get(f"/problems/{code}") for code in codes]
    assert {page.status_code for page in pages} == {200}


async def test_defect_is_a_500_that_shows_nothing_and_is_logged(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError("secret-word")

    monkeypatch.setattr(resources.store, "run", explode)
    with caplog.at_level(logging.ERROR):
        answers = [
            await client.get("/v1/jobs"),
            await client.post("/v1/tasks/demo.add/jobs", json={"input": {"a": 1}}),
        ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret-word" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivisionError" in caplog.text
