"""Do the ops to a decoded image, one after the other."""

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
from jobline.tasks.image.source import Source, swaps_sides, turning

if TYPE_CHECKING:
    from PIL.Image import Image


def render(
    base: Image, source: Source, ops: Sequence[ImageOp], *, upright: bool, background: str, max_pixels: int
) -> Image:
    """Make one image out of the decoded base, which stays as it is.

    A leading resize comes before the turn upright: turning the full image first takes 206 MB where 57 do. The
    base may have been decoded smaller than the source; the sizes in ops refer to the source's.
    """
    image = base
    orientation = source.orientation if upright else 1
    rest = list(ops)
    if rest and isinstance(first := rest[0], ImageResize):
        image = resize_lying(image, source.size, first, orientation)
        del rest[0]
    method = turning(orientation)
    if method is not None:
        image = image.transpose(method)
    for op in rest:
        check_output(after(Size(*image.size), op), max_pixels)
        image = apply(image, op, background)
    return image


def resize_lying(image: Image, full: Size, op: ImageResize, orientation: int) -> Image:
    """Resize an image that is yet to be turned upright, and may be decoded smaller than its full size."""
    swapped = swaps_sides(orientation)
    made, part = fit(full.turned() if swapped else full, op)
    if swapped:
        made = made.turned()
        part = part._replace(left=part.top, top=part.left, right=part.bottom, bottom=part.right)
    across, down = image.width / full.width, image.height / full.height
    box = (part.left * across, part.top * down, part.right * across, part.bottom * down)
    return resample(image, made, box)


def resample(image: Image, size: Size, box: tuple[float, float, float, float]) -> Image:
    """Scale a part of an image, or leave it alone where nothing changes."""
    from PIL.Image import Resampling

    if image.size == tuple(size) and tuple(box) == (0, 0, *size):
        return image
    return image.resize(size, Resampling.LANCZOS, box=box, reducing_gap=REDUCING_GAP)


def apply(image: Image, op: ImageOp, background: str) -> Image:
    """Do one op; raises TaskError ``image.bad_crop``."""
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
    """Turn clockwise; quarter turns move pixels without touching them."""
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
    """Blur; with transparency by its weight, or the colour of invisible pixels would shine through."""
    from PIL import ImageFilter

    gaussian = ImageFilter.GaussianBlur(radius)
    weighted = {"RGBA": "RGBa", "LA": "La"}.get(image.mode)
    if weighted is None:
        return image.filter(gaussian)
    return image.convert(weighted).filter(gaussian).convert(image.mode)
