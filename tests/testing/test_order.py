from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from jobline import task
from jobline.testing import run
from jobline.testing.order import write_order
from tests.support.tasks import kinds

SOON = datetime(2999, 1, 1, tzinfo=UTC)
ORDERS: list[BaseModel] = [
    kinds.Secrets(token=SecretStr("s3cret"), raw=SecretBytes(b"raw")),
    kinds.Renamed.model_validate({"userId": 2, "names": ["Ada"], "Size": 3}),
    kinds.Hidden(internal="kept", card="4242424242424242", masked="seen"),
    kinds.Whole(text="all of it"),
    kinds.Timed(at=SOON),
    kinds.Mixed.model_validate({"settings": '{"a": 1}', "data": "aGk=", "part": {"count": 1}, "more": [1]}),
    kinds.Mixed(number=kinds.LONG_NUMBER),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_model_in_a_test_reaches_the_task_whole(order: Any) -> None:
    """A test that hands over a model sees what a client that sends the same values would see."""
    read = kinds.TASKS[type(order)].read_input(write_order(order))
    assert read.model_dump(exclude={"lines"}) == order.model_dump(exclude={"lines"})
    assert getattr(read, "internal", None) == getattr(order, "internal", None)
    assert getattr(read, "token", None) == getattr(order, "token", None)


def test_mapping_is_written_as_json() -> None:
    assert write_order({"token": SecretStr("x"), "numbers": (1, 2)}) == b'{"token":"x","numbers":[1,2]}'


def test_validators_of_a_model_in_a_test_have_changed_it_once() -> None:
    """5 euros are 500 cents in a test, too."""
    seen: list[int] = []

    def look(order: kinds.Changed) -> kinds.Done:
        seen.append(order.cents)
        return kinds.Done()

    look.__annotations__ = {"order": kinds.Changed, "return": kinds.Done}
    looking = task("order.look")(look)

    run(looking, kinds.Changed(cents=5))
    run(looking, {"cents": 5})

    assert seen == [500, 500]
