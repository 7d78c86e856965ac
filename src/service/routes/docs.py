"""The API documentation: the OpenAPI document, Swagger UI and ReDoc. All files come from this server."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.routing import BaseRoute

from jobline.service import pages
from jobline.service.guards.scopes import OPEN
from jobline.service.resources import Resources

#: Both pages add style elements; ReDoc runs its search in a worker from a blob.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY}
#: The only file that ReDoc loads from elsewhere, a logo in its menu; a pixel takes its place.
REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
ASSETS = ("fastapi_offline", "static")

router = APIRouter(include_in_schema=False)
assets = StaticFiles(packages=[ASSETS])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the pages and what they load."""
    return router.routes


@router.get("/", openapi_extra=OPEN)
async def redirect_home() -> Response:
    """Send a browser to the documentation."""
    return RedirectResponse("/docs")


@router.get("/openapi.json", openapi_extra=OPEN)
async def send_openapi(request: Request) -> Response:
    """Return the OpenAPI document, with the prefix of a proxy as its server."""
    document: dict[str, Any] = request.app.openapi()  # Any: a JSON document
    root_path = request.scope.get("root_path", "").rstrip("/")
    return JSONResponse({**document, "servers": [{"url": root_path}]} if root_path else document)


@router.get("/docs", openapi_extra=OPEN)
async def show_swagger() -> Response:
    """Show Swagger UI."""
    return HTMLResponse(pages.read("docs/swagger.html"), headers=HEADERS)


@router.get("/docs/start.js", openapi_extra=OPEN)
async def send_start_script() -> Response:
    """Return the script that starts Swagger UI; inline, it would need a looser policy."""
    return Response(pages.read("docs/start.js"), media_type="text/javascript")


@router.get("/docs/page.css", openapi_extra=OPEN)
async def send_style() -> Response:
    """Return the style of the two pages."""
    return Response(pages.read("docs/page.css"), media_type="text/css")


@router.get("/docs/problem.css", openapi_extra=OPEN)
async def send_problem_style() -> Response:
    """Return the style of the pages that explain errors."""
    return Response(pages.read("problems/problem.css"), media_type="text/css")


@router.get("/docs/redoc.js", openapi_extra=OPEN)
async def send_redoc_script() -> Response:
    """Return ReDoc without its logo, which the policy blocks and each visit would log as an error."""
    return Response(read_redoc(), media_type="text/javascript")


@cache
def read_redoc() -> bytes:
    """Return ReDoc's script."""
    package, folder = ASSETS
    script = files(package).joinpath(folder, "redoc.standalone.js").read_bytes()
    return script.replace(REDOC_LOGO.encode(), PIXEL.encode())


@router.get("/redoc", openapi_extra=OPEN)
async def show_redoc() -> Response:
    """Show ReDoc."""
    return HTMLResponse(pages.read("docs/redoc.html"), headers=HEADERS)


@router.get("/assets/docs/{name}", openapi_extra=OPEN)
@router.head("/assets/docs/{name}", openapi_extra=OPEN)
async def send_asset(request: Request, name: str) -> Response:
    """Return a script, style or image of the two pages."""
    return await assets.get_response(name, request.scope)
