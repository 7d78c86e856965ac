"""The scope that each route declares and needs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match, Mount

from jobline.domain.access import Scope
from jobline.service.guards.scopes import FIELD, OPEN, ScopeTable, needs
from tests.support.service import ADD


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/jobs", Scope.READ),
        ("HEAD", "/v1/files/x/content", Scope.READ),
        ("POST", ADD, Scope.SUBMIT),
        ("POST", "/v1/files", Scope.SUBMIT),
        ("POST", "/v1/files/raw", Scope.SUBMIT),
        ("POST", "/v1/batches", Scope.SUBMIT),
        ("POST", "/v1/jobs/x/cancel", Scope.MANAGE),
        ("POST", "/v1/jobs/x/retry", Scope.MANAGE),
        ("DELETE", "/v1/files/x", Scope.MANAGE),
        ("POST", "/v1/never-thought-of", Scope.MANAGE),
        ("GET", "/v1/queues", Scope.READ),
        ("POST", "/v1/queues/x/pause", Scope.ADMIN),
        ("GET", "/v1/workers", Scope.ADMIN),
        ("POST", "/health/live", Scope.MANAGE),
        ("GET", "/docs", None),
        ("GET", "/docsx", Scope.READ),
    ],
)
def test_each_route_needs_its_scope(app: FastAPI, method: str, path: str, needed: Scope | None) -> None:
    assert ScopeTable(app.router.routes).find(method, path) is needed


def test_every_route_declares_its_scope(app: FastAPI) -> None:
    routes = [route for route in app.router.routes if isinstance(route, APIRoute)]
    heads = [route for route in app.router.routes if getattr(route, "methods", None) == {"HEAD"}]
    assert len({*map(id, routes), *map(id, heads)}) == len(app.router.routes)
    declared = {route.path for route in routes if FIELD in (route.openapi_extra or {})}
    opened = {route.path for route in routes if (route.openapi_extra or {}) == OPEN}
    assert {route.path for route in routes} - declared == opened


def test_scope_is_that_of_the_route_that_the_router_finds(app: FastAPI) -> None:
    table = ScopeTable(app.router.routes)
    for route in app.router.routes:
        if getattr(route, "methods", None) == {"HEAD"}:  # it has the scope of its GET
            continue
        assert isinstance(route, APIRoute)
        path = re.sub(r"\{\w+\}", "x\n", route.path)
        for method in (route.methods or set()) - {"HEAD"}:
            scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
            found = next(one for one in app.router.routes if one.matches(scope)[0] is Match.FULL)
            assert isinstance(found, APIRoute)
            assert found.openapi_extra is not None
            assert table.find(method, path) == found.openapi_extra.get(FIELD)


def test_groups_in_the_path_of_a_route_do_not_shift_the_table() -> None:
    routes = [
        APIRoute("/a/{x:float}", lambda: None, openapi_extra=needs(Scope.ADMIN)),
        APIRoute("/b/{y}", lambda: None, openapi_extra=OPEN),
        APIRoute("/c", lambda: None),
        Mount("/d", routes=[]),
    ]
    find = ScopeTable(routes).find

    assert [find("GET", path) for path in ("/a/1.5", "/b/1", "/c", "/d/x")] == [
        Scope.ADMIN, None, Scope.READ, Scope.READ,
    ]  # fmt: skip
