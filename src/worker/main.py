"""The worker's one global: ``celery -A worker.main worker``."""

from jobs.registry import Registry
from jobs.settings import read_settings
from worker.app import build_celery

settings = read_settings()
app = build_celery(Registry.load(settings.tasks), settings)
