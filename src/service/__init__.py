"""Offer the tasks over HTTP and on the command line; nothing of Celery or of ``worker`` enters here."""
