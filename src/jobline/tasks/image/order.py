"""The contract of the image tasks: what may be asked for and what comes back. No image is touched here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from jobline import FileId, FileRule, Model
from jobline.tasks.image.limits import read_limits

#: WebP's largest side (RFC 9649, section 2.6), the least of the formats here.
MAX_SIDE_PX = 16_383

Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
Quality = Annotated[int, Field(ge=1, le=100)]
#: A browser may not know every image type (HEIC), and then says octet-stream.
ImageFile = Annotated[
    FileId, FileRule(max_bytes=read_limits().max_bytes, media_types=("image/*", "application/octet-stream"))
]


class ImageFormat(StrEnum):
    """Name the format of an image to be made; each member is set by the client."""

    #: Photographs, everywhere; transparent places take the background's colour.
    JPEG = "jpeg"
    #: Drawings and screenshots, without loss; ``quality`` has no effect.
    PNG = "png"
    #: Smaller than JPEG in every browser of today, with transparency.
    WEBP = "webp"
    #: Smaller still, and slow to make.
    AVIF = "avif"
    #: Print, without loss; ``quality`` has no effect.
    TIFF = "tiff"
    #: The source's own; HEIC and JPEG 2000 become JPEG, GIF, BMP, ICO and PPM become PNG.
    KEEP = "keep"


class ImageFit(StrEnum):
    """Say how an image meets a box of another shape; each member is set by the client."""

    #: Whole image within the box; one side may be smaller.
    CONTAIN = "contain"
    #: The box filled; what stands out is cut off, evenly on both sides.
    COVER = "cover"
    #: The box filled by stretching.
    FILL = "fill"


class ImageAxis(StrEnum):
    """Say which way an image is mirrored; each member is set by the client."""

    #: Left becomes right.
    HORIZONTAL = "horizontal"
    #: Top becomes bottom.
    VERTICAL = "vertical"


class ImageResize(Model):
    """Resize; with one side given, the other follows from the ratio.

    Without ``upscale`` nothing is enlarged: contain keeps the image's size, cover keeps the box's shape and
    shrinks the box, fill limits each side.
    """

    op: Literal["resize"]
    width: Side | None = None
    height: Side | None = None
    fit: ImageFit = ImageFit.CONTAIN
    upscale: bool = False

    @model_validator(mode="after")
    def check_sides(self) -> ImageResize:
        """Refuse a resize to nothing."""
        if self.width is None and self.height is None:
            raise ValueError("give width, height or both")
        return self


class ImageCrop(Model):
    """Cut out a rectangle, in pixels from the top left corner; it must lie within the image."""

    op: Literal["crop"]
    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(ge=1)]
    h: Annotated[int, Field(ge=1)]


class ImageRotate(Model):
    """Turn clockwise; the image grows to hold its corners, and the rest takes the background's colour."""

    op: Literal["rotate"]
    degrees: Annotated[float, Field(ge=-360, le=360)]


class ImageFlip(Model):
    """Mirror the image."""

    op: Literal["flip"]
    axis: ImageAxis = ImageAxis.HORIZONTAL


class ImageGrayscale(Model):
    """Take the colours away; transparency stays."""

    op: Literal["grayscale"]


class ImageBlur(Model):
    """Blur by a Gaussian of the given radius in pixels."""

    op: Literal["blur"]
    radius: Annotated[float, Field(gt=0, le=100)] = 2.0


ImageOp = TypeAliasType(
    "ImageOp",
    Annotated[
        ImageResize | ImageCrop | ImageRotate | ImageFlip | ImageGrayscale | ImageBlur,
        Field(discriminator="op"),
    ],
)

Ops = Annotated[tuple[ImageOp, ...], Field(max_length=10, description="Done one after the other")]


class ImageVariant(Model):
    """Ask for one image of several made from the same source."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
            description="The artifact's name, to which the format's suffix is added",
            examples=["small"],
        ),
    ]
    ops: Ops = ()
    format: Annotated[ImageFormat | None, Field(description="Null: the order's")] = None
    quality: Annotated[Quality | None, Field(description="Null: the order's")] = None


class ImageOrder(Model):
    """Ask for one image, or for up to ten variants, made from an uploaded one."""

    file: ImageFile
    ops: Ops = ()
    format: ImageFormat = ImageFormat.KEEP
    quality: Annotated[Quality | None, Field(description="Null: 80, and 60 for AVIF")] = None
    strip_metadata: Annotated[
        bool, Field(description="Drop EXIF and XMP, the place among them; the colour profile always stays")
    ] = True
    auto_orient: Annotated[
        bool, Field(description="Turn the image upright, as its EXIF says, before the ops")
    ] = True
    background: Annotated[
        str,
        Field(
            pattern=r"^#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$",
            description="#rgb[a] or #rrggbb[aa]: behind transparent places in JPEG, and beside turned images",
        ),
    ] = "#fff"
    variants: Annotated[
        tuple[ImageVariant, ...], Field(max_length=10, description="Empty: one image by the order's own ops")
    ] = ()

    @model_validator(mode="after")
    def check_variants(self) -> ImageOrder:
        """Refuse ops that no variant would see, and two variants with one name."""
        names = [variant.name for variant in self.variants]
        if names and self.ops:
            raise ValueError("give ops in each of the variants, or leave out variants")
        if len(set(names)) < len(names):
            raise ValueError("each of the variants needs a name of its own")
        return self


class ImageArtifact(Model):
    """Describe one image that was made."""

    id: str
    name: str
    width: int
    height: int
    format: ImageFormat
    size_bytes: int
    sha256: str


class ImageSource(Model):
    """Describe the image as it was uploaded, before it was turned upright."""

    width: int
    height: int
    format: Annotated[str, Field(examples=["jpeg", "heif"])]
    size_bytes: int


class ImagesMade(Model):
    """List the images that were made, in the order of the variants."""

    artifacts: tuple[ImageArtifact, ...]
    source: ImageSource


class Thumbnail(Model):
    """Ask for a smaller copy of an image."""

    file: ImageFile
    width: Annotated[
        int, Field(ge=1, le=MAX_SIDE_PX, description="In pixels; a narrower image stays as it is")
    ]


class ThumbnailMade(Model):
    """Say where the smaller copy is."""

    artifact_id: str
    name: str
    width: int
    height: int
