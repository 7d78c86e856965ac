"""The task ``image.process``: one image or several variants of an uploaded image."""

from __future__ import annotations

from jobline import JobContext, task
from jobline.tasks.image.making import SharedOptions, Target, make_images
from jobline.tasks.image.order import ImageOrder, ImagesMade

NAME = "image"


@task("image.process", queue="media", timeout_s=300, extra="image", requires=("PIL", "pillow_heif"))
def process(order: ImageOrder, job: JobContext) -> ImagesMade:
    """Resize, crop, turn and convert an image, into one or up to ten variants.

    The source is decoded once, at the size that the variants need. Coordinates refer to the image as it is
    shown, turned upright by its EXIF. Fails with ``image.unsupported_format`` (not an image, or SVG or PDF),
    ``image.corrupt``, ``image.too_large``, ``image.too_many_frames``, ``image.output_too_large`` or
    ``image.bad_crop``.
    """
    options = SharedOptions(order.background, order.strip_metadata, order.auto_orient, order.frames)
    return make_images(job, order.file, list_targets(order), options)


def list_targets(order: ImageOrder) -> list[Target]:
    """Return the images to be made: the variants, or the one image that the input itself describes."""
    if not order.variants:
        return [Target(NAME, order.ops, order.format, order.quality)]
    return [
        Target(
            variant.name,
            variant.ops,
            variant.format or order.format,
            variant.quality or order.quality,
        )
        for variant in order.variants
    ]
