"""Images that tests draw, write in memory and read back."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as bytes."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def read(content: bytes) -> Image.Image:
    """Return a decoded image."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image


def quarters(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Draw red, green, blue and white quarters, so that each rotation looks different."""
    image = Image.new("RGB", (width, height), "white")
    for colour, corner in (("red", (0, 0)), ("lime", (width // 2, 0)), ("blue", (0, height // 2))):
        image.paste(colour, (*corner, corner[0] + width // 2, corner[1] + height // 2))
    return image.convert(mode)
