"""The process that uvicorn runs: ``uvicorn jobline.service.main:app``. The only global of the service."""

from jobline.service.app import build_app
from jobline.startup import one_line_errors, start

settings, registry = start()
with one_line_errors():
    app = build_app(settings, registry)
