from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from jobline import testing
from jobline.tasks.image import process
from jobline.tasks.image.order import ImagesMade
from jobline.testing import Outcome, file_id
from tests.support.images import read


@pytest.fixture
def attempt() -> Callable[..., Outcome[ImagesMade]]:
    """Process bytes by the other fields of an input, and return how that ended."""

    def process_bytes(
        content: bytes, *, cancel_after: int | None = None, **order: Any
    ) -> Outcome[ImagesMade]:
        order["file"] = file_id("image")
        return testing.run(process, order, files={"image": content}, cancel_after=cancel_after)

    return process_bytes


@pytest.fixture
def run(attempt: Callable[..., Outcome[ImagesMade]]) -> Callable[..., ImagesMade]:
    """Process bytes and return the result."""
    return lambda content, **order: attempt(content, **order).result


@pytest.fixture
def made_image(attempt: Callable[..., Outcome[ImagesMade]]) -> Callable[..., Image.Image]:
    """Process bytes into one image and open that."""

    def process_and_open(content: bytes, **order: Any) -> Image.Image:
        outcome = attempt(content, **order)
        return read(outcome.artifacts[outcome.result.artifacts[0].name])

    return process_and_open
