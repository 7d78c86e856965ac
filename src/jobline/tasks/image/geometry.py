"""Sizes and boxes: the arithmetic of the ops, without an image. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from jobline import TaskError
from jobline.tasks.image.order import ImageCrop, ImageFit, ImageOp, ImageResize, ImageRotate

#: An image is decoded to at least this multiple of the size it is resized to, and then resampled: 1.5 cannot
#: be told from a full decode by eye, and a 24 MP JPEG takes 57 MB instead of 206.
REDUCING_GAP = 1.5
QUARTER = 90


class Size(NamedTuple):
    """Hold a width and a height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Count the pixels."""
        return self.width * self.height

    def turned(self) -> Size:
        """Swap the sides."""
        return Size(self.height, self.width)


class Box(NamedTuple):
    """Hold a rectangle, in pixels from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Fitted(NamedTuple):
    """Hold what a resize comes to: the size to make, out of which part of the image."""

    size: Size
    part: Box


def fit(size: Size, op: ImageResize) -> Fitted:
    """Compute the outcome of a resize; no side of it is below 1."""
    if op.width is None or op.height is None or op.fit is ImageFit.CONTAIN:
        return contained(size, op)
    if op.fit is ImageFit.FILL:
        sides = (
            (op.width, op.height) if op.upscale else (min(op.width, size.width), min(op.height, size.height))
        )
        return Fitted(Size(*sides), Box(0, 0, *size))
    return covered(size, Size(op.width, op.height), upscale=op.upscale)


def contained(size: Size, op: ImageResize) -> Fitted:
    """Keep the ratio, within the sides that are given."""
    sides = zip((op.width, op.height), size, strict=True)
    scales = [wanted / side for wanted, side in sides if wanted is not None]
    scale = min(scales) if op.upscale else min(1.0, *scales)
    return Fitted(rounded(size.width * scale, size.height * scale), Box(0, 0, *size))


def covered(size: Size, box: Size, *, upscale: bool) -> Fitted:
    """Fill a box, cut off what stands out; the box shrinks, in its shape, rather than enlarge the image."""
    shrink = 1.0 if upscale else min(1.0, size.width / box.width, size.height / box.height)
    made = rounded(box.width * shrink, box.height * shrink)
    scale = max(made.width / size.width, made.height / size.height)
    width, height = min(size.width, made.width / scale), min(size.height, made.height / scale)
    left, top = (size.width - width) / 2, (size.height - height) / 2
    return Fitted(made, Box(left, top, left + width, top + height))


def rounded(width: float, height: float) -> Size:
    """Give whole pixels, at least one each way."""
    return Size(max(1, round(width)), max(1, round(height)))


def check_crop(size: Size, op: ImageCrop) -> Box:
    """Give the rectangle of a crop; raises TaskError ``image.bad_crop`` when it leaves the image."""
    if op.x + op.w > size.width or op.y + op.h > size.height:
        raise TaskError(
            "image.bad_crop",
            f"The crop {op.w}x{op.h} at {op.x},{op.y} leaves the image of {size.width}x{size.height} pixels.",
        )
    return Box(op.x, op.y, op.x + op.w, op.y + op.h)


def check_output(size: Size, max_pixels: int) -> None:
    """Raise TaskError ``image.output_too_large`` for an image that is not to be made."""
    if size.pixels > max_pixels:
        raise TaskError(
            "image.output_too_large",
            f"The result would have {size.width}x{size.height} pixels; the limit is {max_pixels:,} in all.",
        )


def check_ops(size: Size, ops: Sequence[ImageOp], max_pixels: int) -> None:
    """Foresee what the ops come to and refuse the impossible before anything is decoded.

    Ends at a rotation by no quarter turn, whose exact size Pillow will tell; each op is checked again later.
    """
    for op in ops:
        size = after(size, op)
        check_output(size, max_pixels)
        if isinstance(op, ImageRotate) and op.degrees % QUARTER:
            return


def after(size: Size, op: ImageOp) -> Size:
    """Say which size an image has after an op; raises TaskError for a crop that leaves it."""
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
    """Say how much of the source's resolution the ops can make use of, from 0 to 1.

    Below 1 only where the first op is a resize: later coordinates then no longer refer to the source.
    """
    if not ops or not isinstance(ops[0], ImageResize):
        return 1.0
    made, part = fit(size, ops[0])
    across = made.width / (part.right - part.left)
    down = made.height / (part.bottom - part.top)
    return min(1.0, max(across, down) * REDUCING_GAP)
