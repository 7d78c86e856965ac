from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from jobline import JobContext
from jobline.tasks.image import process
from jobline.tasks.image.order import ImageOrder, ImagesMade
from tests.support.images import read

Process = Callable[..., ImagesMade]


@pytest.fixture
def run(port: Any, job: JobContext) -> Process:
    """Upload bytes and process them by an order written as JSON."""

    def process_bytes(content: bytes, **order: Any) -> ImagesMade:
        made = process(ImageOrder.model_validate({"file": port.upload(content), **order}), job)
        assert isinstance(made, ImagesMade)
        return made

    return process_bytes


@pytest.fixture
def made_image(port: Any, run: Process) -> Callable[..., Image.Image]:
    """Process bytes into one image and open that."""

    def process_and_open(content: bytes, **order: Any) -> Image.Image:
        return read(port.made(run(content, **order).artifacts[0].name))

    return process_and_open
