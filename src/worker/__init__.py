"""The worker: stock Celery over the ledger. Nothing of HTTP enters; see `app.build_celery` for the parts."""
