"""Opening an uploaded image: checked before it is decoded, and decoded no larger than needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobline import TaskError
from jobline.tasks.image.depth import list_changes, unreadable_compression
from jobline.tasks.image.faults import DAMAGED, corrupt, explain, reading, too_large, unsupported
from jobline.tasks.image.geometry import Size
from jobline.tasks.image.limits import ImageLimits
from jobline.tasks.image.order import ImageChange, ImageFrames

if TYPE_CHECKING:
    from PIL.Image import Transpose
    from PIL.ImageFile import ImageFile

#: Pillow's names of the formats that are read. Not its others: EPS runs a program, some have no signature.
READABLE = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP", "JPEG2000", "ICO", "PPM")
#: Files with several images that are not frames: a phone's second view, the sizes of an icon.
ONE_PICTURE = frozenset({"MPO", "HEIF", "ICO"})
#: These decode faster and smaller at 1/2, 1/4 or 1/8 of their size.
SCALABLE = frozenset({"JPEG", "MPO"})
#: Pillow turns these upright while it decodes; their EXIF still has the old orientation.
UPRIGHT = frozenset({"TIFF"})
#: Pillow decodes these to find their EXIF.
DECODED_FOR_EXIF = frozenset({"PNG"})
ORIENTATION = 0x0112
PREFIX_BYTES = 16


@dataclass(frozen=True, slots=True)
class Source:
    """An opened image within the limits, not decoded yet."""

    image: ImageFile
    #: In lower case; the MPO of a phone counts as JPEG.
    format: str
    #: As stored, before the image is turned upright.
    size: Size
    size_bytes: int
    #: 1 to 8, as EXIF counts.
    orientation: int
    #: What no image made of it can keep: more than eight bits, other colours than RGB, further frames.
    lost: tuple[ImageChange, ...] = ()


@contextmanager
def opened(path: Path, limits: ImageLimits, frames: ImageFrames = ImageFrames.ALL) -> Iterator[Source]:
    """Open an image and check it against the limits by its header alone.

    Raises TaskError ``image.unsupported_format``, ``image.corrupt``, ``image.too_large`` or
    ``image.too_many_frames``.
    """
    size_bytes = path.stat().st_size
    if size_bytes > limits.max_bytes:
        raise too_large(f"The file has {size_bytes:,} bytes; the limit is {limits.max_bytes:,}.")
    prepare(limits.max_pixels)
    with identify(path) as image:
        size = Size(*image.size)
        check_pixels(size, limits.max_pixels)
        more_frames = has_more_frames(path) if frames is ImageFrames.FIRST else check_frames(image, limits)
        kind = str(image.format)
        lost = [*list_changes(image, path), *((ImageChange.FRAMES,) if more_frames else ())]
        yield Source(
            image=image,
            format="jpeg" if kind == "MPO" else kind.lower(),
            size=size,
            size_bytes=size_bytes,
            orientation=1 if kind in UPRIGHT else read_orientation(image),
            lost=tuple(lost),
        )


def prepare(max_pixels: int) -> None:
    """Set Pillow's limit, which it applies to embedded images too, and make its warning an error."""
    from PIL import Image

    load_readers()
    Image.MAX_IMAGE_PIXELS = max_pixels
    # Set each time, because resetwarnings() and catch_warnings() of other code remove it.
    warnings.simplefilter("error", Image.DecompressionBombWarning)


@cache
def load_readers() -> None:
    """Load Pillow's plugins and the one for HEIC, once a process and never before a fork."""
    from PIL import Image
    from pillow_heif import register_heif_opener

    Image.init()
    register_heif_opener()


def identify(path: Path) -> ImageFile:
    """Read the header; raises one error for a damaged image and another for a file that is not an image."""
    from PIL import Image, UnidentifiedImageError

    with path.open("rb") as stream:
        prefix = stream.read(PREFIX_BYTES)
    kind = find_kind(prefix)
    with reading(kind):
        try:
            return Image.open(path, formats=READABLE)
        except UnidentifiedImageError:
            if kind:
                raise explain_header(path, kind) from None
            raise unsupported(
                "The file is not an image of a supported format: "
                "JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF, BMP, JPEG 2000, ICO or PPM."
            ) from None


def find_kind(prefix: bytes) -> str | None:
    """Return the supported format of which a file begins like an image."""
    from PIL import Image

    for name in READABLE:
        accepts = Image.OPEN[name][1]
        try:
            if accepts is not None and accepts(prefix) is True:
                return name
        except DAMAGED:  # the prefix is too short for the plugin
            continue
    return None


def explain_header(path: Path, kind: str) -> TaskError:
    """Return why Pillow does not open an image of a format; `Image.open` keeps the reason to itself."""
    from PIL import Image

    try:
        with path.open("rb") as stream:
            Image.OPEN[kind][0](stream, str(path))
    except DAMAGED as error:
        return explain(error, kind)
    return corrupt()


def check_pixels(size: Size, max_pixels: int, frames: int = 1) -> None:
    """Refuse an image that would take too much memory to decode."""
    if size.pixels * frames > max_pixels:
        raise too_large(
            f"The image has {size.width}x{size.height} pixels"
            + (f" in each of {frames} frames" if frames > 1 else "")
            + f"; the limit is {max_pixels:,} in all."
        )


def has_more_frames(path: Path) -> bool:
    """Return whether an image has more than one frame; it is opened for itself, as looking moves its file."""
    try:
        with identify(path) as image:
            return image.format not in ONE_PICTURE and bool(getattr(image, "is_animated", False))
    except (TaskError, *DAMAGED):  # the first frame may be whole
        return True


def check_frames(image: ImageFile, limits: ImageLimits) -> bool:
    """Refuse an animation or a document with more frames than the limit; return whether there are several."""
    if image.format in ONE_PICTURE:
        return False
    with reading(image.format):
        if not getattr(image, "is_animated", False):
            return False
        # Counting reads the whole file, so it is done only if more than one frame is allowed.
        frames = int(getattr(image, "n_frames", 1)) if limits.max_frames > 1 else 2
    if frames > limits.max_frames:
        raise TaskError(
            "image.too_many_frames",
            f"The image has more frames or pages than {limits.max_frames}, the limit.",
        )
    check_pixels(Size(*image.size), limits.max_pixels, frames)
    return True


def read_orientation(image: ImageFile) -> int:
    """Return the orientation, 1 to 8; 1 if the EXIF is damaged.

    The EXIF of a PNG may follow its pixels, so they are decoded here, and what is wrong with them is raised:
    after a first error Pillow takes a partly decoded image for a whole one. Raises ``image.corrupt``.
    """
    if image.format in DECODED_FOR_EXIF:
        with reading(image.format):
            image.load()
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except DAMAGED:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - EXIF's eight


def decode(source: Source, scale: float, max_pixels: int) -> None:
    """Decode the image in place, at no less than ``scale`` of its size; raises ``image.corrupt``."""
    image = source.image
    with reading(image.format), unreadable_compression(image):
        if scale < 1 and image.format in SCALABLE:
            image.draft(None, (round(source.size.width * scale), round(source.size.height * scale)))
        image.load()
    check_pixels(Size(*image.size), max_pixels)  # the header may have had another size


def upright_method(orientation: int) -> Transpose | None:
    """Return the transposition that turns an image upright; None for one that is."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)


def swaps_sides(orientation: int) -> bool:
    """Return whether width and height are swapped when the image is turned upright."""
    return orientation >= 5  # noqa: PLR2004 - EXIF counts the four on their side from 5 to 8
