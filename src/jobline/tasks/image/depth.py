"""What an image has that no image made of it keeps: read from its header, before it is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobline.tasks.image.faults import unsupported_variant
from jobline.tasks.image.order import ImageChange

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

EIGHT = 8
#: How far into a file its codec's header is looked for.
HEADER_BYTES = 65_536
BITS_PER_SAMPLE = 258
#: The colour modes that become another one.
CHANGES = {
    "1": ImageChange.BILEVEL, "P": ImageChange.PALETTE, "PA": ImageChange.PALETTE,
    "CMYK": ImageChange.COLOUR_SPACE, "LAB": ImageChange.COLOUR_SPACE, "YCbCr": ImageChange.COLOUR_SPACE,
    "HSV": ImageChange.COLOUR_SPACE,
}  # fmt: skip


def list_changes(image: ImageFile, path: Path) -> Iterator[ImageChange]:
    """Yield what no image made of this one can keep."""
    if read_bits(image, path) > EIGHT:
        yield ImageChange.BIT_DEPTH
    if image.mode in CHANGES:
        yield CHANGES[image.mode]


def read_bits(image: ImageFile, path: Path) -> int:
    """Return the bits of a channel as stored; Pillow decodes most colours of more than eight to eight."""
    if image.mode == "F" or image.mode.startswith("I"):
        return 16
    kind = str(image.format)
    if kind == "TIFF":
        found = image.tag_v2.get(BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined] # of its TIFF plugin
        return max(found) if isinstance(found, tuple) else int(found)
    if kind in {"PNG", "PPM"}:
        return 16 if any(holds_sixteen_bits(tile) for tile in image.tile) else EIGHT
    if kind in {"JPEG2000", "AVIF", "HEIF"}:
        with path.open("rb") as stream:
            return read_codec_bits(kind, stream.read(HEADER_BYTES))
    return EIGHT


def holds_sixteen_bits(tile: object) -> bool:
    """Return whether the decoder of a tile is told of sixteen bits: by ``RGB;16B``, or by a maximum."""
    arguments = tile[3] if isinstance(tile, tuple) else ()
    parts = arguments if isinstance(arguments, tuple) else (arguments,)
    return any(";16" in part if isinstance(part, str) else type(part) is int and part > 255 for part in parts)  # noqa: PLR2004 - eight bits


def read_codec_bits(kind: str, head: bytes) -> int:
    """Return the bits of a channel from the header of a codec, 8 where it is not found.

    JPEG 2000: SIZ, Ssiz (ISO 15444-1, A.5.1). AVIF: av1C, high_bitdepth (AV1-ISOBMFF, 2.3). HEIC: hvcC,
    bitDepthLumaMinus8 (ISO 14496-15, 8.3.3).
    """
    mark, offset = {"JPEG2000": (b"\xff\x51", 40), "AVIF": (b"av1C", 6), "HEIF": (b"hvcC", 21)}[kind]
    start = head.find(mark)
    if start < 0 or start + offset >= len(head):
        return EIGHT
    value = head[start + offset]
    if kind == "JPEG2000":
        return (value & 0x7F) + 1
    if kind == "AVIF":
        return 10 if value & 0x40 else EIGHT
    return EIGHT + (value & 0x07)


@contextmanager
def unreadable_compression(image: ImageFile) -> Iterator[None]:
    """Tell a TIFF whose compression this Pillow does not have from a damaged one: Pillow says the same."""
    try:
        yield
    except OSError as error:
        compression = image.info.get("compression")
        if error.errno is None and image.format == "TIFF" and not has_compression(str(compression)):
            raise unsupported_variant(f"TIFF ({compression})") from error
        raise


@cache
def has_compression(name: str) -> bool:
    """Return whether this Pillow writes, and so reads, a compression of TIFF; old ones are only read."""
    if name not in {"lzma", "zstd", "webp"}:
        return True
    from PIL import Image

    try:
        Image.new("RGB", (8, 8)).save(io.BytesIO(), "TIFF", compression=name)
    except (OSError, ValueError, RuntimeError):
        return False
    return True
