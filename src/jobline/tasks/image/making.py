"""Making images of one source, which is read and decoded once: what both image tasks share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobline import JobContext
from jobline.tasks.image.colour import plain
from jobline.tasks.image.geometry import check_ops, needed_scale
from jobline.tasks.image.limits import read_limits
from jobline.tasks.image.metadata import Metadata, read_metadata
from jobline.tasks.image.ops import render
from jobline.tasks.image.order import (
    ImageArtifact,
    ImageChange,
    ImageFormat,
    ImageFrames,
    ImageOp,
    ImagesMade,
    ImageSource,
)
from jobline.tasks.image.output import SUFFIXES, Encoding, resolve_format, write
from jobline.tasks.image.source import Source, decode, opened, swaps_sides

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Target:
    """One image to be made; its name has no suffix yet."""

    name: str
    ops: Sequence[ImageOp]
    format: ImageFormat = ImageFormat.KEEP
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """The options that all images of one job share."""

    background: str = "#fff"
    strip_metadata: bool = True
    auto_orient: bool = True
    frames: ImageFrames = ImageFrames.ALL


def make_images(
    job: JobContext, file_id: str, targets: Sequence[Target], options: SharedOptions
) -> ImagesMade:
    """Make each image as an artifact and report progress in variants; raises TaskError ``image.…``."""
    limits = read_limits()
    with opened(job.file(file_id), limits, options.frames) as source:
        swapped = options.auto_orient and swaps_sides(source.orientation)
        shown = source.size.turned() if swapped else source.size
        for target in targets:
            check_ops(shown, target.ops, limits.max_output_pixels)
        scale = max(needed_scale(shown, target.ops) for target in targets)
        decode(source, scale, limits.max_pixels)
        renderer = Renderer(job, source, options, limits.max_output_pixels)
        made = []
        for number, target in enumerate(targets):
            job.progress(number, len(targets), unit="variants", message=target.name)
            made.append(renderer.make(target))
        job.progress(len(made), len(made), unit="variants")
        return ImagesMade(artifacts=tuple(made), source=describe(source))


class Renderer:
    """A decoded source, and what makes images of it."""

    def __init__(self, job: JobContext, source: Source, options: SharedOptions, max_pixels: int) -> None:
        self._job = job
        self._source = source
        self._options = options
        self._max_pixels = max_pixels
        profile = source.image.info.get("icc_profile")
        self._profile = profile if isinstance(profile, bytes) else None
        upright = options.auto_orient or source.orientation == 1
        self._metadata = (
            Metadata()
            if options.strip_metadata
            else read_metadata(source.image, 1 if upright else source.orientation)
        )
        self._base: Image = plain(source.image, self._profile)

    def make(self, target: Target) -> ImageArtifact:
        """Make one image and write it as an artifact."""
        image = render(
            self._base,
            self._source,
            target.ops,
            upright=self._options.auto_orient,
            background=self._options.background,
            max_pixels=self._max_pixels,
        )
        image_format = resolve_format(target.format, self._source.format)
        artifact = self._job.artifact(target.name + SUFFIXES[image_format])
        encoding = Encoding(
            image_format, target.quality, self._options.background, self._profile, self._metadata
        )
        write(image, artifact.path, encoding)
        converted = list(self._source.lost)
        if image_format is ImageFormat.JPEG and "A" in image.mode:
            converted.append(ImageChange.TRANSPARENCY)
        if target.format is ImageFormat.KEEP and image_format != self._source.format:
            converted.append(ImageChange.FORMAT)
        with artifact.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return ImageArtifact(
            id=artifact.id,
            name=artifact.name,
            width=image.width,
            height=image.height,
            format=image_format,
            size_bytes=artifact.path.stat().st_size,
            sha256=digest,
            converted=tuple(converted),
        )


def describe(source: Source) -> ImageSource:
    """Return the description of the uploaded image."""
    return ImageSource(
        width=source.size.width,
        height=source.size.height,
        format=source.format,
        size_bytes=source.size_bytes,
    )
