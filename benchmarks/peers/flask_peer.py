"""The usual start: Flask, ``delay()`` and a route to ask for the state."""

from __future__ import annotations

from typing import Any

from celery_peer import app as celery_app
from celery_peer import noop
from flask import Flask, request

app = Flask(__name__)


@app.post("/jobs")
def submit() -> tuple[dict[str, Any], int]:
    """Send a job."""
    return {"id": noop.delay(int(request.get_json()["n"])).id}, 202


@app.get("/jobs/<job_id>")
def show(job_id: str) -> dict[str, Any]:
    """Tell its state."""
    found = celery_app.AsyncResult(job_id)
    return {"id": job_id, "state": found.state, "result": found.result if found.ready() else None}
