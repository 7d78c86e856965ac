"""The HTTP API of the tasks. Neither Celery nor `jobline.worker` is imported here."""

if __name__ != "jobline.service":  # `src` is on the path of a checkout: a second import would make doubles
    raise ImportError("import jobline.service")
