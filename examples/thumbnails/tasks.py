"""Thumbnails of uploaded photos: one file in, several artifacts out."""

from typing import Annotated

from pydantic import Field

from jobline import FileId, FileRule, JobContext, Model, TaskError, task

Photo = Annotated[FileId, FileRule(max_bytes=20_000_000, media_types=("image/*",))]
Width = Annotated[int, Field(ge=16, le=2000)]


class Thumbnails(Model):
    photo: Photo
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=5)] = (160, 640)


class Thumbnail(Model):
    artifact: str
    width: int
    height: int


class ThumbnailsMade(Model):
    thumbnails: tuple[Thumbnail, ...]


@task("photos.thumbnails", queue="media", timeout_s=60, requires=("PIL",))
def thumbnails(order: Thumbnails, job: JobContext) -> ThumbnailsMade:
    """Shrink a photo to some widths, keeping its ratio."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # here, so that the API need not load it

    made: list[Thumbnail] = []
    try:
        with Image.open(job.file(order.photo)) as image:
            photo = ImageOps.exif_transpose(image).convert("RGBA")  # upright, and any colours
    except UnidentifiedImageError:
        raise TaskError("photos.unreadable", "The file is not an image that Pillow can read.") from None
    for width in order.widths:
        shrunk = photo.copy()
        shrunk.thumbnail((width, photo.height))
        small = Image.new("RGB", shrunk.size, "white")  # behind transparent parts
        small.paste(shrunk, mask=shrunk)
        small.save(job.artifact(f"{width}.jpg"), "JPEG")
        made.append(Thumbnail(artifact=f"{width}.jpg", width=small.width, height=small.height))
        job.progress(len(made), len(order.widths), unit="thumbnails")
    return ThumbnailsMade(thumbnails=tuple(made))
