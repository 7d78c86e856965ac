"""How large an image may be, as settings ``JOBLINE_IMAGE_…``; nothing else."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ImageLimits(BaseSettings):
    """Hold the limits of the image tasks; frozen, checked when the tasks are loaded."""

    model_config = SettingsConfigDict(
        env_prefix="JOBLINE_IMAGE_", env_file=None, frozen=True, extra="ignore", env_ignore_empty=True
    )

    max_bytes: Annotated[int, Field(ge=1, description="The largest image file, in bytes.")] = 50_000_000
    max_pixels: Annotated[
        int, Field(ge=1, description="The most pixels of an image: width x height x frames.")
    ] = 50_000_000
    max_frames: Annotated[
        int, Field(ge=1, description="The most frames or pages of an image; the first is used.")
    ] = 1
    max_output_pixels: Annotated[
        int, Field(ge=1, description="The most pixels of an image that is made, at any step.")
    ] = 50_000_000


@cache
def read_limits() -> ImageLimits:
    """Read the limits from the environment, once a process."""
    return ImageLimits()
