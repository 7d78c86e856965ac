"""``/problems/{code}``: a short page behind every problem's ``type``."""

from collections.abc import Iterator
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from jobline.domain.errors import LedgerUnavailable, NotFound, Refused
from jobline.service.answers.problems import INTERNAL

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p><p>Status {status}, code <code>{code}</code>.</p></body>
</html>
"""


@router.get("/problems/{code}")
async def show_problem(code: str) -> Response:
    """Explain one kind of problem."""
    for kind in kinds(Refused):
        if kind.code == code:
            return show(code, kind.status, kind.title, first_line(kind))
    if code == LedgerUnavailable.code:
        title = "The ledger is unavailable"
        return show(code, LedgerUnavailable.status, title, first_line(LedgerUnavailable))
    if code == INTERNAL:
        text = "A defect of the service. It was logged; the request may be sent again."
        return show(code, 500, "Internal error", text)
    raise NotFound("There is no problem of this code.")


def kinds(root: type[Refused]) -> Iterator[type[Refused]]:
    """Walk the tree of refusals."""
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def first_line(kind: type[Exception]) -> str:
    """Give the sentence that a class of errors opens with."""
    return (kind.__doc__ or "").partition("\n")[0]


def show(code: str, status: int, title: str, text: str) -> Response:
    """Write the page."""
    page = PAGE.format(title=escape(title), text=escape(text), status=status, code=escape(code))
    return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'"})
