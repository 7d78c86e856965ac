"""The documentation's pages: Swagger UI and ReDoc from files of our own, under a Content-Security-Policy."""

from importlib.resources import files

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

ASSETS = "/assets/docs"
#: Both pages write style elements; scripts come from this server alone, ReDoc's search worker from a blob.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jobline API</title>
<link rel="icon" href="{assets}/favicon.png">
{head}
</head>
<body>
{body}
</body>
</html>
"""
SWAGGER = PAGE.format(
    assets=ASSETS,
    head=f'<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">',
    body=f'<div id="docs"></div>\n<script src="{ASSETS}/swagger-ui-bundle.js"></script>\n'
    '<script src="/docs/start.js"></script>',
)
REDOC = PAGE.format(
    assets=ASSETS,
    head="",
    body=f'<redoc spec-url="/openapi.json"></redoc>\n<script src="{ASSETS}/redoc.standalone.js"></script>',
)

router = APIRouter(include_in_schema=False)


def add_docs(app: FastAPI) -> None:
    """Add the pages and what they load."""
    app.include_router(router)
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))


@router.get("/")
async def go_home() -> Response:
    """Lead a browser to the documentation."""
    return RedirectResponse("/docs")


@router.get("/docs")
async def show_swagger() -> Response:
    """Show Swagger UI."""
    return HTMLResponse(SWAGGER, headers={"Content-Security-Policy": POLICY})


@router.get("/redoc")
async def show_redoc() -> Response:
    """Show ReDoc."""
    return HTMLResponse(REDOC, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
async def start_swagger() -> Response:
    """Give the script that starts Swagger UI; inline it would need a looser policy."""
    script = files("jobline.service").joinpath("static", "docs.js").read_bytes()
    return Response(script, media_type="text/javascript")
