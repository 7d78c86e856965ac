"""Offer the tasks over HTTP and on the command line; nothing of Celery or of ``worker`` enters here."""

if __name__ != "jobline.service":  # `src` is on the path of a checkout: a second import would make doubles
    raise ImportError("import jobline.service")
