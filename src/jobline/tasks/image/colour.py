"""Conversion of every colour mode that Pillow decodes to eight bits of grey or RGB, with or without alpha."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from jobline.tasks.image.faults import unsupported

if TYPE_CHECKING:
    from PIL.Image import Image

#: The mode to which each mode is converted, unless the image has transparency beside its mode.
PLAIN = {
    "1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB",
    "P": "RGB", "PA": "RGBA", "YCbCr": "RGB", "HSV": "RGB", "CMYK": "RGB", "LAB": "RGB",
}  # fmt: skip
#: For each mode the colour space in an ICC profile's header, bytes 16 to 19 (ICC.1:2022, section 7.2.8).
SPACES = {"L": b"GRAY", "LA": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
DEEP = "I"
SIXTEEN_BITS = 65_535.0
EIGHT_BITS = 255.0


def plain(image: Image, profile: bytes | None) -> Image:
    """Convert to L, LA, RGB or RGBA, with eight bits a channel; CMYK and LAB by their colour profile."""
    if image.mode == "F" or image.mode.startswith(DEEP):
        return to_eight_bits(image)
    mode = PLAIN.get(image.mode)
    if mode is None:
        raise unsupported(f"Images of the colour mode {image.mode} are not supported.")
    if image.mode in {"CMYK", "LAB"}:
        return to_srgb(image, profile)
    if image.has_transparency_data and mode in {"L", "RGB"}:
        mode = "RGBA"
    return image if image.mode == mode else image.convert(mode)


def matching_profile(profile: bytes | None, mode: str) -> bytes | None:
    """Return the profile if it is for the mode's colour space; any other would distort the colours."""
    return profile if profile is not None and profile[16:20] == SPACES.get(mode) else None


def to_eight_bits(image: Image) -> Image:
    """Reduce 16 or 32 bits or floats to eight bits, by the full range if known, else by the range in use."""
    values = image.convert("F")
    low, high = value_range(image.mode, values)
    scale = EIGHT_BITS / (high - low) if high > low else 0.0
    return values.point(lambda value: value * scale - low * scale).convert("L")


def value_range(mode: str, values: Image) -> tuple[float, float]:
    """Return the values of black and white."""
    if mode.startswith("I;16"):
        return 0.0, SIXTEEN_BITS
    low, high = (float(end) for end in values.getextrema())  # type: ignore[arg-type]  # one band: two numbers
    usual = (1.0, EIGHT_BITS, SIXTEEN_BITS) if mode == "F" else (EIGHT_BITS, SIXTEEN_BITS)
    white = next((white for white in usual if low >= 0 and high <= white), None)
    return (low, high) if white is None else (0.0, white)


def to_srgb(image: Image, profile: bytes | None) -> Image:
    """Convert to screen colours by the image's profile, or by Pillow's formula if it has no usable one."""
    from PIL import ImageCms

    try:
        source = (
            ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        )
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        made = None
    return image.convert("RGB") if made is None else made
