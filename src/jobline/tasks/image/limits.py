"""How large an image may be, as settings ``JOBLINE_IMAGE_…``; nothing else."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import Field

from jobline import FamilySettings


class ImageLimits(FamilySettings, env_prefix="JOBLINE_IMAGE_"):
    """The limits of the image tasks: they bound the memory and the time that one image can take."""

    max_bytes: Annotated[
        int,
        Field(
            ge=1,
            description="Size limit of an image file in bytes. Too small, and photos of good cameras are "
            "refused; too large, and decoding can take all memory of the worker.",
        ),
    ] = 50_000_000
    max_pixels: Annotated[
        int,
        Field(
            ge=1,
            description="Most pixels of an image that is read: width x height x frames. A decoded pixel "
            "takes up to 4 bytes, so a small file with too many pixels fills the memory.",
        ),
    ] = 50_000_000
    max_frames: Annotated[
        int,
        Field(
            ge=1,
            description="Most frames or pages of an image; only the first one is used. With 1, animations "
            "are refused; more of them cost time in reading.",
        ),
    ] = 1
    max_output_pixels: Annotated[
        int,
        Field(
            ge=1,
            description="Most pixels of an image that is made, at any step. Too small, and large sizes are "
            "refused; too large, and one order can fill the worker's memory.",
        ),
    ] = 50_000_000


@cache
def read_limits() -> ImageLimits:
    """Read the limits from the environment, once a process."""
    return ImageLimits.read()
