"""The task ``image.thumbnail``: a smaller copy of an image."""

from __future__ import annotations

from jobline import JobContext, task
from jobline.tasks.image.making import SharedOptions, Target, make_images
from jobline.tasks.image.order import ImageResize, Thumbnail, ThumbnailMade


@task("image.thumbnail", queue="media", timeout_s=300, extra="image", requires=("PIL", "pillow_heif"))
def thumbnail(order: Thumbnail, job: JobContext) -> ThumbnailMade:
    """Shrink one image to a given width, keeping its ratio."""
    shrink = ImageResize(op="resize", width=order.width)
    options = SharedOptions(frames=order.frames)
    made = make_images(job, order.file, [Target("thumbnail", [shrink])], options).artifacts[0]
    return ThumbnailMade(
        artifact_id=made.id, name=made.name, width=made.width, height=made.height, converted=made.converted
    )
