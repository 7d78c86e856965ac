from __future__ import annotations

import httpx
import pytest

from jobline.service.answers.problems import INTERNAL
from jobline.service.answers.remedies import REMEDIES
from jobline.service.routes.problems import list_kinds

CODES = sorted({INTERNAL, *(kind.code for kind in list_kinds())})


def test_every_code_has_a_remedy_and_every_remedy_a_code() -> None:
    """A client who follows `type` learns what to do, whatever the error."""
    assert sorted(REMEDIES) == CODES


@pytest.mark.parametrize("code", CODES)
async def test_page_says_what_happened_and_what_to_do(client: httpx.AsyncClient, code: str) -> None:
    page = await client.get(f"/problems/{code}")

    assert page.status_code == 200
    assert f"<code>{code}</code>" in page.text
    assert "What to do" in page.text
    assert (await client.get("/docs/problem.css")).status_code == 200


async def test_unknown_code_is_a_problem(client: httpx.AsyncClient) -> None:
    assert (await client.get("/problems/none-such")).status_code == 404
