from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobline import JobContext
from jobline.tasks.image import process
from jobline.tasks.image.order import ImageOrder, ImagesMade

Process = Callable[..., ImagesMade]


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Write an image in memory."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def read(path: Path) -> Image.Image:
    """Open an image, decode it and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


def quarters(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Draw red, green, blue and white quarters, so that any turn can be told."""
    image = Image.new("RGB", (width, height), "white")
    for colour, corner in (("red", (0, 0)), ("lime", (width // 2, 0)), ("blue", (0, height // 2))):
        image.paste(colour, (*corner, corner[0] + width // 2, corner[1] + height // 2))
    return image.convert(mode)


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
