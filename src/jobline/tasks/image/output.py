"""Encoding of an image, with its colour profile and, if asked for, its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobline import TaskError
from jobline.tasks.image.colour import matching_profile
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
#: The largest side of each format: libjpeg's JPEG_MAX_DIMENSION, RFC 9649 for WebP, libavif's limit for AVIF.
MAX_SIDES = {ImageFormat.JPEG: 65_500, ImageFormat.WEBP: 16_383, ImageFormat.AVIF: 65_535}
#: The format for ``keep`` if the source's format is not written here; PNG for all others.
INSTEAD = {"heif": ImageFormat.JPEG, "jpeg2000": ImageFormat.JPEG}
DEFAULT_QUALITY = 80
DEFAULT_QUALITIES = {ImageFormat.AVIF: 60}
#: JPEG stores EXIF and XMP in one segment each, of 64 kB with its length and signature.
MAX_SEGMENT_BYTES = 65_000


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an image is written, apart from its pixels."""

    format: ImageFormat
    quality: int | None
    background: str
    profile: bytes | None
    metadata: Metadata


def resolve_format(wanted: ImageFormat, source: str) -> ImageFormat:
    """Return the format to write; ``keep`` is the source's, or the nearest one that is written here."""
    if wanted is not ImageFormat.KEEP:
        return wanted
    try:
        return ImageFormat(source)
    except ValueError:
        return INSTEAD.get(source, ImageFormat.PNG)


def write(image: Picture, path: Path, encoding: Encoding) -> None:
    """Encode an image to a path.

    Raises TaskError ``image.output_too_large`` for a side that the format cannot hold.
    """
    limit = MAX_SIDES.get(encoding.format)
    if limit is not None and max(image.size) > limit:
        raise TaskError(
            "image.output_too_large",
            f"The result has {image.width}x{image.height} pixels; {encoding.format} holds {limit:,} a side.",
        )
    made = without_info(
        on_background(image, encoding.background) if encoding.format is ImageFormat.JPEG else image
    )
    made.save(path, encoding.format.upper(), **parameters(encoding, made.mode))


def on_background(image: Picture, background: str) -> Picture:
    """Return a transparent image on a background colour; any other image unchanged."""
    from PIL import Image, ImageColor

    if "A" not in image.mode:
        return image
    ground = Image.new("RGB", image.size, ImageColor.getcolor(background, "RGBA")[:3])  # type: ignore[index]  # four numbers
    ground.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return ground


def without_info(image: Picture) -> Picture:
    """Remove what Pillow's plugin would write by itself: comments, tags, a palette's transparency."""
    from PIL.ImageFile import ImageFile

    if isinstance(image, ImageFile):
        image = image.copy()
    image.info = {}
    return image


def parameters(encoding: Encoding, mode: str) -> dict[str, object]:
    """Return the parameters of the format's encoder."""
    chosen: dict[str, object] = {}
    if encoding.format is ImageFormat.TIFF:
        # libtiff, which compresses, cannot write the directories of EXIF; Pillow's own writer can.
        chosen["compression"] = "tiff_adobe_deflate" if encoding.metadata.exif is None else "raw"
    elif encoding.format is not ImageFormat.PNG:
        chosen["quality"] = encoding.quality or DEFAULT_QUALITIES.get(encoding.format, DEFAULT_QUALITY)
    if profile := matching_profile(encoding.profile, mode):
        chosen["icc_profile"] = profile
    chosen.update(encoding.metadata.parameters(encoding.format, MAX_SEGMENT_BYTES))
    return chosen
