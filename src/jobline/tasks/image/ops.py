"""Applying ops to a decoded image, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobline.tasks.image.geometry import QUARTER, REDUCING_GAP, Size, after, check_crop, check_output, fit
from jobline.tasks.image.order import (
    ImageAxis,
    ImageBlur,
    ImageCrop,
    ImageFlip,
    ImageGrayscale,
    ImageOp,
    ImageResize,
    ImageRotate,
)
from jobline.tasks.image.source import Source, swaps_sides, upright_method

if TYPE_CHECKING:
    from PIL.Image import Image


def render(
    base: Image, source: Source, ops: Sequence[ImageOp], *, upright: bool, background: str, max_pixels: int
) -> Image:
    """Make one image of the decoded base, which is not changed.

    A resize in first position is applied before the image is turned upright, since turning the full image
    takes 206 MB instead of 57. The base may have been decoded smaller than the source; sizes in ops refer to
    the source.
    """
    image = base
    orientation = source.orientation if upright else 1
    rest = list(ops)
    if rest and isinstance(first := rest[0], ImageResize):
        image = resize_before_turn(image, source.size, first, orientation)
        del rest[0]
    method = upright_method(orientation)
    if method is not None:
        image = image.transpose(method)
    for op in rest:
        check_output(after(Size(*image.size), op), max_pixels)
        image = apply(image, op, background)
    return image


def resize_before_turn(image: Image, full: Size, op: ImageResize, orientation: int) -> Image:
    """Resize an image before it is turned upright; it may have been decoded below its full size."""
    swapped = swaps_sides(orientation)
    made, part = fit(full.turned() if swapped else full, op)
    if swapped:
        made = made.turned()
        part = part._replace(left=part.top, top=part.left, right=part.bottom, bottom=part.right)
    across, down = image.width / full.width, image.height / full.height
    box = (part.left * across, part.top * down, part.right * across, part.bottom * down)
    return resample(image, made, box)


def resample(image: Image, size: Size, box: tuple[float, float, float, float]) -> Image:
    """Scale a part of an image; return the image itself if nothing changes."""
    from PIL.Image import Resampling

    if image.size == tuple(size) and tuple(box) == (0, 0, *size):
        return image
    return image.resize(size, Resampling.LANCZOS, box=box, reducing_gap=REDUCING_GAP)


def apply(image: Image, op: ImageOp, background: str) -> Image:
    """Apply one op; raises TaskError ``image.bad_crop``."""
    from PIL.Image import Transpose

    match op:
        case ImageResize():
            made, part = fit(Size(*image.size), op)
            return resample(image, made, part)
        case ImageCrop():
            left, top, right, bottom = check_crop(Size(*image.size), op)
            return image.crop((int(left), int(top), int(right), int(bottom)))
        case ImageRotate():
            return rotate(image, op.degrees, background)
        case ImageFlip():
            sideways = op.axis is ImageAxis.HORIZONTAL
            return image.transpose(Transpose.FLIP_LEFT_RIGHT if sideways else Transpose.FLIP_TOP_BOTTOM)
        case ImageGrayscale():
            return image.convert("LA" if "A" in image.mode else "L")
        case ImageBlur():
            return blur(image, op.radius)


def rotate(image: Image, degrees: float, background: str) -> Image:
    """Turn clockwise; quarter turns move pixels without resampling them."""
    from PIL import ImageColor
    from PIL.Image import Resampling, Transpose

    quarters = {90: Transpose.ROTATE_270, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_90}
    if degrees % QUARTER == 0:
        method = quarters.get(int(degrees % 360))
        return image if method is None else image.transpose(method)
    red, green, blue, alpha = ImageColor.getcolor(background, "RGBA")  # type: ignore[misc]  # four numbers for RGBA
    clear = "A" in image.mode or alpha < 255  # noqa: PLR2004 - eight bits
    turned = image.convert("RGBA" if clear else "RGB")
    fill = (red, green, blue, alpha) if clear else (red, green, blue)
    return turned.rotate(-degrees, Resampling.BICUBIC, expand=True, fillcolor=fill)


def blur(image: Image, radius: float) -> Image:
    """Blur with premultiplied alpha, so that the colour of invisible pixels does not show."""
    from PIL import ImageFilter

    gaussian = ImageFilter.GaussianBlur(radius)
    weighted = {"RGBA": "RGBa", "LA": "La"}.get(image.mode)
    if weighted is None:
        return image.filter(gaussian)
    return image.convert(weighted).filter(gaussian).convert(image.mode)
