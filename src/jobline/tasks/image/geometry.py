"""Sizes and boxes: the arithmetic of the ops, without an image. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from jobline import TaskError
from jobline.tasks.image.order import ImageCrop, ImageFit, ImageOp, ImageResize, ImageRotate

#: An image is decoded to at least this multiple of its final size and then resampled. By eye, 1.5 looks like
#: a full decode, and a 24 MP JPEG takes 57 MB instead of 206.
REDUCING_GAP = 1.5
QUARTER = 90


class Size(NamedTuple):
    """A width and a height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    def turned(self) -> Size:
        """Return the size with its sides swapped."""
        return Size(self.height, self.width)


class Box(NamedTuple):
    """A rectangle, in pixels from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Fitted(NamedTuple):
    """The outcome of a resize: the size to make, and the part of the image that it is made of."""

    size: Size
    part: Box


def fit(size: Size, op: ImageResize) -> Fitted:
    """Return the outcome of a resize; each side is at least 1."""
    if op.width is None or op.height is None or op.fit is ImageFit.CONTAIN:
        return contained(size, op)
    if op.fit is ImageFit.FILL:
        sides = (
            (op.width, op.height) if op.upscale else (min(op.width, size.width), min(op.height, size.height))
        )
        return Fitted(Size(*sides), Box(0, 0, *size))
    return covered(size, Size(op.width, op.height), upscale=op.upscale)


def contained(size: Size, op: ImageResize) -> Fitted:
    """Return the largest size of the same ratio within the given sides."""
    sides = zip((op.width, op.height), size, strict=True)
    scales = [wanted / side for wanted, side in sides if wanted is not None]
    scale = min(scales) if op.upscale else min(1.0, *scales)
    return Fitted(rounded(size.width * scale, size.height * scale), Box(0, 0, *size))


def covered(size: Size, box: Size, *, upscale: bool) -> Fitted:
    """Fill a box and cut off the rest; without ``upscale`` too large a box shrinks, keeping its ratio."""
    shrink = 1.0 if upscale else min(1.0, size.width / box.width, size.height / box.height)
    made = rounded(box.width * shrink, box.height * shrink)
    scale = max(made.width / size.width, made.height / size.height)
    width, height = min(size.width, made.width / scale), min(size.height, made.height / scale)
    left, top = (size.width - width) / 2, (size.height - height) / 2
    return Fitted(made, Box(left, top, left + width, top + height))


def rounded(width: float, height: float) -> Size:
    """Return a size in whole pixels, at least one a side."""
    return Size(max(1, round(width)), max(1, round(height)))


def check_crop(size: Size, op: ImageCrop) -> Box:
    """Return the rectangle of a crop; raises TaskError ``image.bad_crop`` when it leaves the image."""
    if op.x + op.w > size.width or op.y + op.h > size.height:
        raise TaskError(
            "image.bad_crop",
            f"The crop {op.w}x{op.h} at {op.x},{op.y} leaves the image of {size.width}x{size.height} pixels.",
        )
    return Box(op.x, op.y, op.x + op.w, op.y + op.h)


def check_output(size: Size, max_pixels: int) -> None:
    """Raise TaskError ``image.output_too_large`` for a result above the limit."""
    if size.pixels > max_pixels:
        raise TaskError(
            "image.output_too_large",
            f"The result would have {size.width}x{size.height} pixels; the limit is {max_pixels:,} in all.",
        )


def check_ops(size: Size, ops: Sequence[ImageOp], max_pixels: int) -> None:
    """Compute the size after each op, and refuse impossible ops before anything is decoded.

    The check ends at a rotation that is not a quarter turn, since only Pillow knows its exact size. Each op
    is checked once more when it is applied.
    """
    for op in ops:
        size = after(size, op)
        check_output(size, max_pixels)
        if isinstance(op, ImageRotate) and op.degrees % QUARTER:
            return


def after(size: Size, op: ImageOp) -> Size:
    """Return the size of an image after an op; raises TaskError for a crop that leaves the image."""
    match op:
        case ImageResize():
            return fit(size, op).size
        case ImageCrop():
            check_crop(size, op)
            return Size(op.w, op.h)
        case ImageRotate():
            angle = math.radians(op.degrees)
            sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
            return rounded(size.width * cosine + size.height * sine, size.width * sine + size.height * cosine)
        case _:
            return size


def needed_scale(size: Size, ops: Sequence[ImageOp]) -> float:
    """Return the part of the source's resolution that the ops need, from 0 to 1.

    It is below 1 only if the first op is a resize, because the coordinates of later ops then refer to the
    resized image.
    """
    if not ops or not isinstance(ops[0], ImageResize):
        return 1.0
    made, part = fit(size, ops[0])
    across = made.width / (part.right - part.left)
    down = made.height / (part.bottom - part.top)
    return min(1.0, max(across, down) * REDUCING_GAP)
