"""The EXIF and XMP that made images inherit from their source; colour profiles are not handled here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobline.tasks.image.faults import DAMAGED
from jobline.tasks.image.order import ImageFormat
from jobline.tasks.image.source import ORIENTATION

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageFile import ImageFile

#: Description, make, model, resolution, software, date, artist, copyright. The other tags of the first
#: directory describe how the source's pixels are stored, or hold its preview: wrong for another image.
KEPT_TAGS = (0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x8298)
#: The directories of the camera (Exif) and of the location (GPS).
KEPT_DIRECTORIES = (0x8769, 0x8825)
#: The formats in which Pillow writes XMP.
TAKE_XMP = frozenset({ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF})


@dataclass(frozen=True, slots=True)
class Metadata:
    """The EXIF and XMP to be written; None where there is nothing to write."""

    exif: bytes | None = None
    xmp: bytes | None = None

    def parameters(self, target: ImageFormat, max_segment_bytes: int) -> dict[str, object]:
        """Return the encoder's parameters; a part too long for a segment of JPEG is dropped."""
        kept: dict[str, object] = {}
        limit = max_segment_bytes if target is ImageFormat.JPEG else None
        if self.exif is not None and (limit is None or len(self.exif) <= limit):
            kept["exif"] = self.exif
        if self.xmp is not None and target in TAKE_XMP and (limit is None or len(self.xmp) <= limit):
            kept["xmp"] = self.xmp
        return kept


def read_metadata(image: ImageFile, orientation: int) -> Metadata:
    """Copy the descriptive metadata; ``orientation`` is that of the images to be made.

    EXIF that is too damaged to be read or written is left out.
    """
    xmp = image.info.get("xmp")
    return Metadata(read_exif(image, orientation), xmp if isinstance(xmp, bytes) else None)


def read_exif(image: ImageFile, orientation: int) -> bytes | None:
    """Return the descriptive part of the EXIF; None if there is none."""
    from PIL import Image

    try:
        found = image.getexif()
        kept: Exif = Image.Exif()
        kept.update({tag: found[tag] for tag in KEPT_TAGS if tag in found})
        for directory in KEPT_DIRECTORIES:
            if entries := dict(found.get_ifd(directory)):
                kept.get_ifd(directory).update(entries)
        if not kept and orientation == 1:
            return None
        kept[ORIENTATION] = orientation
        return kept.tobytes()
    except DAMAGED:
        return None
