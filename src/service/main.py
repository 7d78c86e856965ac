"""The process that uvicorn runs: ``uvicorn jobline.service.main:app``. The only global of the service."""

from jobline.service.app import build_app
from jobline.startup import start

settings, registry = start()
app = build_app(settings, registry)
