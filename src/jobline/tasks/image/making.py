"""Make images out of one source, which is read and decoded once: what both image tasks do."""

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
from jobline.tasks.image.order import ImageArtifact, ImageFormat, ImageOp, ImagesMade, ImageSource
from jobline.tasks.image.output import SUFFIXES, Finish, settled_format, write
from jobline.tasks.image.source import Source, decode, opened, swaps_sides

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold one image to be made; its name is still without a suffix."""

    name: str
    ops: Sequence[ImageOp]
    format: ImageFormat = ImageFormat.KEEP
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """Hold what is the same for all images of one order."""

    background: str = "#fff"
    strip_metadata: bool = True
    auto_orient: bool = True


def make_images(job: JobContext, file_id: str, all_wanted: Sequence[Wanted], manner: Manner) -> ImagesMade:
    """Make each image as an artifact, telling the progress in variants; raises TaskError ``image.…``."""
    limits = read_limits()
    with opened(job.file(file_id), limits) as source:
        swapped = manner.auto_orient and swaps_sides(source.orientation)
        shown = source.size.turned() if swapped else source.size
        for wanted in all_wanted:
            check_ops(shown, wanted.ops, limits.max_output_pixels)
        scale = max(needed_scale(shown, wanted.ops) for wanted in all_wanted)
        decode(source, scale, limits.max_pixels)
        studio = Studio(job, source, manner, limits.max_output_pixels)
        made = []
        for number, wanted in enumerate(all_wanted):
            job.progress(number, len(all_wanted), unit="variants", message=wanted.name)
            made.append(studio.make(wanted))
        job.progress(len(made), len(made), unit="variants")
        return ImagesMade(artifacts=tuple(made), source=describe(source))


class Studio:
    """Hold the decoded source and make images of it."""

    def __init__(self, job: JobContext, source: Source, manner: Manner, max_pixels: int) -> None:
        self._job = job
        self._source = source
        self._manner = manner
        self._max_pixels = max_pixels
        profile = source.image.info.get("icc_profile")
        self._profile = profile if isinstance(profile, bytes) else None
        upright = manner.auto_orient or source.orientation == 1
        self._metadata = (
            Metadata()
            if manner.strip_metadata
            else read_metadata(source.image, 1 if upright else source.orientation)
        )
        self._base: Image = plain(source.image, self._profile)

    def make(self, wanted: Wanted) -> ImageArtifact:
        """Make one image and write it as an artifact."""
        image = render(
            self._base,
            self._source,
            wanted.ops,
            upright=self._manner.auto_orient,
            background=self._manner.background,
            max_pixels=self._max_pixels,
        )
        target = settled_format(wanted.format, self._source.format)
        artifact = self._job.artifact(wanted.name + SUFFIXES[target])
        finish = Finish(target, wanted.quality, self._manner.background, self._profile, self._metadata)
        write(image, artifact.path, finish)
        with artifact.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return ImageArtifact(
            id=artifact.id,
            name=artifact.name,
            width=image.width,
            height=image.height,
            format=target,
            size_bytes=artifact.path.stat().st_size,
            sha256=digest,
        )


def describe(source: Source) -> ImageSource:
    """Say what was uploaded."""
    return ImageSource(
        width=source.size.width,
        height=source.size.height,
        format=source.format,
        size_bytes=source.size_bytes,
    )
