"""The worker's one global: ``celery -A jobline.worker.main worker``."""

from jobline.domain.registry import Registry
from jobline.domain.settings import read_settings
from jobline.worker.app import build_celery

settings = read_settings()
app = build_celery(Registry.load(settings.tasks), settings)
