"""What HTTP in Python can do at all: raw ASGI, a bare FastAPI route, and one that asks Redis once."""

import os
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from redis.asyncio import Redis

HEADERS = [(b"content-type", b"application/json")]
redis = Redis.from_url(os.environ["BENCH_REDIS"])


class Order(BaseModel):
    """Ask for nothing."""

    n: int


async def raw(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
    """Answer without a framework."""
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b'{"id":"1"}'})


app = FastAPI()


@app.post("/jobs", status_code=202)
async def submit(order: Order) -> dict[str, int]:
    """Validate, and store nothing."""
    return {"n": order.n}


@app.post("/redis", status_code=200)
async def ask(order: Order) -> dict[str, int]:
    """Validate, and make one round trip to Redis."""
    await redis.incr("bench")
    return {"n": order.n}
