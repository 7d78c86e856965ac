from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
import tasks
from tasks import Fetch, Prices, fetch

from jobline import State
from jobline.testing import run

Serve = Callable[[httpx.Response], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Let the shop give one answer to everything."""

    def answer(response: httpx.Response) -> None:
        transport = httpx.MockTransport(lambda _: response)
        monkeypatch.setattr(
            tasks, "open_shop", lambda: httpx.AsyncClient(transport=transport, base_url="http://shop")
        )

    return answer


def test_prices_are_fetched(serve: Serve) -> None:
    serve(httpx.Response(200, text="2.50"))

    outcome = run(fetch, Fetch(products=("tea", "coffee")))

    assert outcome.result == Prices(prices={"tea": Decimal("2.50"), "coffee": Decimal("2.50")}, attempts=1)


def test_busy_shop_is_asked_later(serve: Serve) -> None:
    serve(httpx.Response(503, headers={"Retry-After": "7"}))

    outcome = run(fetch, Fetch(products=("tea",)))

    assert (outcome.state, outcome.retry_after_s) == (State.RETRY, 7)


def test_shop_that_stays_busy_ends_the_job(serve: Serve) -> None:
    serve(httpx.Response(503))

    outcome = run(fetch, Fetch(products=("tea",)), attempt=5)

    assert outcome.state is State.FAILURE
    assert outcome.error is not None
    assert outcome.error.code == "prices.shop_busy"


def test_unknown_product_is_not_retried(serve: Serve) -> None:
    serve(httpx.Response(404))

    outcome = run(fetch, Fetch(products=("gold",)))

    assert outcome.state is State.FAILURE
    assert outcome.error is not None
    assert outcome.error.code == "prices.unknown_product"
