"""Write an image in one of the formats, with the colour profile and, where it is asked for, the metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobline import TaskError
from jobline.tasks.image.colour import fitting_profile
from jobline.tasks.image.metadata import Metadata
from jobline.tasks.image.order import ImageFormat

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SUFFIXES = {
    ImageFormat.JPEG: ".jpg",
    ImageFormat.PNG: ".png",
    ImageFormat.WEBP: ".webp",
    ImageFormat.AVIF: ".avif",
    ImageFormat.TIFF: ".tiff",
}
#: The largest side of a format: libjpeg's JPEG_MAX_DIMENSION, WebP by RFC 9649, AVIF as libavif encodes.
MAX_SIDES = {ImageFormat.JPEG: 65_500, ImageFormat.WEBP: 16_383, ImageFormat.AVIF: 65_535}
#: What ``keep`` becomes, of formats that are read and not written.
INSTEAD = {"heif": ImageFormat.JPEG, "jpeg2000": ImageFormat.JPEG}
DEFAULT_QUALITY = 80
DEFAULT_QUALITIES = {ImageFormat.AVIF: 60}
#: JPEG keeps EXIF and XMP in one segment of 64 kB each, its length and signature included.
MAX_SEGMENT_BYTES = 65_000


@dataclass(frozen=True, slots=True)
class Finish:
    """Hold how an image is to be written, apart from its pixels."""

    format: ImageFormat
    quality: int | None
    background: str
    profile: bytes | None
    metadata: Metadata


def settled_format(wanted: ImageFormat, source: str) -> ImageFormat:
    """Say which format is written; ``keep`` is the source's, or the nearest that is written here."""
    if wanted is not ImageFormat.KEEP:
        return wanted
    try:
        return ImageFormat(source)
    except ValueError:
        return INSTEAD.get(source, ImageFormat.PNG)


def write(image: Picture, path: Path, finish: Finish) -> None:
    """Encode an image to a path.

    Raises TaskError ``image.output_too_large`` for a side that the format cannot hold.
    """
    limit = MAX_SIDES.get(finish.format)
    if limit is not None and max(image.size) > limit:
        raise TaskError(
            "image.output_too_large",
            f"The result has {image.width}x{image.height} pixels; {finish.format} holds {limit:,} a side.",
        )
    made = bare(flattened(image, finish.background) if finish.format is ImageFormat.JPEG else image)
    made.save(path, finish.format.upper(), **parameters(finish, made.mode))


def flattened(image: Picture, background: str) -> Picture:
    """Lay a transparent image onto a colour."""
    from PIL import Image, ImageColor

    if "A" not in image.mode:
        return image
    ground = Image.new("RGB", image.size, ImageColor.getcolor(background, "RGBA")[:3])  # type: ignore[index]  # four numbers
    ground.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return ground


def bare(image: Picture) -> Picture:
    """Take from an image what its plugin would write by itself: comments, tags, a palette's transparency."""
    from PIL.ImageFile import ImageFile

    if isinstance(image, ImageFile):
        image = image.copy()
    image.info = {}
    return image


def parameters(finish: Finish, mode: str) -> dict[str, object]:
    """Collect what the format's encoder takes."""
    chosen: dict[str, object] = {}
    if finish.format is ImageFormat.TIFF:
        # libtiff, which compresses, cannot write the directories of EXIF; Pillow's own writer can.
        chosen["compression"] = "tiff_adobe_deflate" if finish.metadata.exif is None else "raw"
    elif finish.format is not ImageFormat.PNG:
        chosen["quality"] = finish.quality or DEFAULT_QUALITIES.get(finish.format, DEFAULT_QUALITY)
    if profile := fitting_profile(finish.profile, mode):
        chosen["icc_profile"] = profile
    chosen.update(finish.metadata.parameters(finish.format, MAX_SEGMENT_BYTES))
    return chosen
