"""``/problems/{code}``: a page that explains a kind of error; the ``type`` of every problem leads there."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from jobline.domain.errors import LedgerUnavailable, NotFound, Refused
from jobline.service import pages
from jobline.service.answers.problems import INTERNAL
from jobline.service.answers.remedies import FALLBACK, REMEDIES
from jobline.service.guards.scopes import OPEN
from jobline.service.resources import Resources

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'"}

Kind = TypeVar("Kind", bound=Exception)

router = APIRouter(include_in_schema=False)


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the route of the pages."""
    return router.routes


@router.get("/problems/{code}", openapi_extra=OPEN)
async def show_problem(code: str) -> Response:
    """Explain one kind of error."""
    for kind in list_kinds():
        if kind.code == code:
            return show(code, kind.status, kind.title, first_line(kind))
    if code == INTERNAL:
        text = "A defect of the service. It has been logged; you may send the request again."
        return show(code, 500, "Internal error", text)
    raise NotFound("There is no problem with this code.")


def list_kinds() -> list[type[Refused] | type[LedgerUnavailable]]:
    """Return every class of error that becomes a problem, with the roots of both trees."""
    return [*find_kinds(Refused), *find_kinds(LedgerUnavailable)]


def find_kinds(root: type[Kind]) -> Iterator[type[Kind]]:
    """Yield a class and all classes below it."""
    yield root
    for kind in root.__subclasses__():
        yield from find_kinds(kind)


def first_line(kind: type[Exception]) -> str:
    """Return the first sentence of a class's docstring."""
    return (kind.__doc__ or "").partition("\n")[0].replace("``", "")


def show(code: str, status: int, title: str, text: str) -> Response:
    """Return the page."""
    remedy = REMEDIES.get(code, FALLBACK)
    page = pages.fill(
        "problems/problem.html", code=code, status=status, title=title, text=text, remedy=remedy
    )
    return HTMLResponse(page, headers=HEADERS)
