"""The worker's one global: ``celery -A jobline.worker.main worker``."""

from jobline.startup import start
from jobline.worker.app import build_celery

settings, registry = start()
app = build_celery(registry, settings)
# What asks Celery for "the" app gets this one: a plain `AsyncResult(id)`, and Flower's results.
app.set_default()
