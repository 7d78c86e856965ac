"""The process that uvicorn runs: ``uvicorn service.main:app``. The only global of the service."""

from jobs.registry import Registry
from jobs.settings import read_settings
from service.app import build_app

settings = read_settings()
app = build_app(settings, Registry.load(settings.tasks))
