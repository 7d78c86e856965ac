"""The tasks that are measured: as little work as there can be, plain and asynchronous."""

from __future__ import annotations

import asyncio

from jobline import Model, task


class Order(Model):
    """Ask for a number."""

    n: int


class Done(Model):
    """Give it back."""

    n: int


@task("bench.noop", max_attempts=1)
def noop(order: Order) -> Done:
    """Give back what came."""
    return Done(n=order.n)


@task("bench.anoop", max_attempts=1)
async def anoop(order: Order) -> Done:
    """Give back what came, on the event loop."""
    return Done(n=order.n)


@task("bench.doze", max_attempts=1)
async def doze(order: Order) -> Done:
    """Wait for a minute, so that many are there at once."""
    await asyncio.sleep(60)
    return Done(n=order.n)


@task("bench.nap", max_attempts=1)
async def nap(order: Order) -> Done:
    """Wait 50 ms on the event loop."""
    await asyncio.sleep(0.05)
    return Done(n=order.n)
