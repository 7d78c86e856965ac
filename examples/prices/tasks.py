"""Prices from a shop that is often busy: an async task with many requests at once, and retries."""

import asyncio
import os
from decimal import Decimal
from typing import Annotated

import httpx
from pydantic import Field

from jobline import JobContext, Model, RetryPolicy, TaskError, task

SHOP_URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8081")
Product = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


class Fetch(Model):
    products: Annotated[tuple[Product, ...], Field(min_length=1, max_length=100)]


class Prices(Model):
    prices: dict[str, Decimal]
    attempts: int


@task("prices.fetch", max_attempts=5, timeout_s=30, retry=RetryPolicy(first_s=0.5, factor=2, max_s=30))
async def fetch(order: Fetch, job: JobContext) -> Prices:
    """Ask the shop for the prices of some products, all at once."""
    async with open_shop() as shop:
        prices = await asyncio.gather(*(ask_price(shop, product) for product in order.products))
    return Prices(prices=dict(zip(order.products, prices, strict=True)), attempts=job.attempt)


def open_shop() -> httpx.AsyncClient:
    """Return a client of the shop."""
    return httpx.AsyncClient(base_url=SHOP_URL, timeout=5, trust_env=False)


async def ask_price(shop: httpx.AsyncClient, product: str) -> Decimal:
    """Return one price. An exception of httpx is retried by the task's policy."""
    answer = await shop.get(f"/prices/{product}")
    if answer.status_code == 404:
        raise TaskError("prices.unknown_product", f"The shop does not sell {product!r}.")  # the job ends here
    if answer.status_code == 503:
        wait_s = float(answer.headers.get("Retry-After", "1"))
        raise TaskError("prices.shop_busy", "The shop is busy.", retryable=True, retry_after_s=wait_s)
    answer.raise_for_status()
    return Decimal(answer.text)
