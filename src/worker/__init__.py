"""The worker: stock Celery over the ledger. Nothing of HTTP enters; see `app.build_celery` for the parts."""

if __name__ != "jobline.worker":  # `src` is on the path of a checkout: a second import would make doubles
    raise ImportError("import jobline.worker")
