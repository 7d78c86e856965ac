"""FastAPI and ``delay()``, in a thread (``def``) or on the loop (``async def``, which blocks it)."""

# FastAPI reads annotations at run time; nothing here may be postponed.
from celery_peer import noop
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


class Accepted(BaseModel):
    """Say which job it is."""

    id: str


@app.post("/def", status_code=202)
def submit(order: Order) -> Accepted:
    """Send a job from a thread."""
    return Accepted(id=noop.delay(order.n).id)


@app.post("/async", status_code=202)
async def submit_on_the_loop(order: Order) -> Accepted:
    """Send a job, and let all others wait meanwhile."""
    return Accepted(id=noop.delay(order.n).id)
