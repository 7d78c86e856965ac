"""The process that uvicorn runs: ``uvicorn jobline.service.main:app``. The only global of the service."""

from jobline.domain.registry import Registry
from jobline.domain.settings import read_settings
from jobline.service.app import build_app

settings = read_settings()
app = build_app(settings, Registry.load(settings.tasks))
