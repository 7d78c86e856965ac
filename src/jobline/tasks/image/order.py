"""The inputs and results of the image tasks; no image is touched here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from jobline import FileId, FileRule, Model
from jobline.tasks.image.limits import read_limits

#: WebP's largest side (RFC 9649, section 2.6), the smallest limit of the formats here.
MAX_SIDE_PX = 16_383

Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
Quality = Annotated[int, Field(ge=1, le=100)]
#: A browser that does not know an image type, such as HEIC, sends octet-stream.
ImageFile = Annotated[
    FileId, FileRule(max_bytes=read_limits().max_bytes, media_types=("image/*", "application/octet-stream"))
]


class ImageFormat(StrEnum):
    """The format of an image to be made; each member is set by the client."""

    #: For photographs, readable everywhere; transparent parts get the background's colour.
    JPEG = "jpeg"
    #: For drawings and screenshots, lossless; ``quality`` has no effect.
    PNG = "png"
    #: Smaller than JPEG, with transparency; readable in every current browser.
    WEBP = "webp"
    #: Smaller than WebP, and slow to encode.
    AVIF = "avif"
    #: For print, lossless; ``quality`` has no effect.
    TIFF = "tiff"
    #: The source's format; HEIC and JPEG 2000 become JPEG, and GIF, BMP, ICO and PPM become PNG.
    KEEP = "keep"


class ImageFit(StrEnum):
    """How an image fits a box of another ratio; each member is set by the client."""

    #: The whole image within the box; one side may be smaller.
    CONTAIN = "contain"
    #: The box filled; the rest is cut off, evenly on both sides.
    COVER = "cover"
    #: The box filled by stretching.
    FILL = "fill"


class ImageAxis(StrEnum):
    """The direction in which an image is mirrored; each member is set by the client."""

    #: Left becomes right.
    HORIZONTAL = "horizontal"
    #: Top becomes bottom.
    VERTICAL = "vertical"


class ImageFrames(StrEnum):
    """What to read of an animation or a document; each member is set by the client."""

    #: All of it: an image of more frames than the operator allows is refused, since only one can be written.
    ALL = "all"
    #: The first frame, whatever follows it.
    FIRST = "first"


class ImageChange(StrEnum):
    """What an image that was made could not keep of its source, unasked; each member is set by the task."""

    #: More than eight bits a channel became eight.
    BIT_DEPTH = "bit_depth"
    #: CMYK, LAB, YCbCr or HSV became RGB.
    COLOUR_SPACE = "colour_space"
    #: Black and white became shades of grey.
    BILEVEL = "bilevel"
    #: A palette became full colours.
    PALETTE = "palette"
    #: Transparent parts got the background's colour.
    TRANSPARENCY = "transparency"
    #: ``keep`` could not keep the format.
    FORMAT = "format"
    #: Only the first frame was read.
    FRAMES = "frames"


class ImageResize(Model):
    """Resize; with one side given, the other follows from the ratio.

    Without ``upscale`` nothing is enlarged: contain keeps the image's size, cover shrinks the box in its
    ratio, and fill limits each side.
    """

    op: Literal["resize"]
    width: Side | None = None
    height: Side | None = None
    fit: ImageFit = ImageFit.CONTAIN
    upscale: bool = False

    @model_validator(mode="after")
    def check_sides(self) -> ImageResize:
        """Refuse a resize without a size."""
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
    """Turn clockwise; the image grows to hold its corners, and the new area gets the background's colour."""

    op: Literal["rotate"]
    degrees: Annotated[float, Field(ge=-360, le=360)]


class ImageFlip(Model):
    """Mirror the image."""

    op: Literal["flip"]
    axis: ImageAxis = ImageAxis.HORIZONTAL


class ImageGrayscale(Model):
    """Remove the colours; transparency stays."""

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

Ops = Annotated[tuple[ImageOp, ...], Field(max_length=10, description="Applied in order")]


class ImageVariant(Model):
    """One of several images made from the same source."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
            description="The artifact's name, to which the format's suffix is added",
            examples=["small"],
        ),
    ]
    ops: Ops = ()
    format: Annotated[ImageFormat | None, Field(description="Null: that of the input itself")] = None
    quality: Annotated[Quality | None, Field(description="Null: that of the input itself")] = None


class ImageOrder(Model):
    """One image, or up to ten variants, to be made from an uploaded one."""

    file: ImageFile
    ops: Ops = ()
    format: ImageFormat = ImageFormat.KEEP
    quality: Annotated[Quality | None, Field(description="Null: 80, and 60 for AVIF")] = None
    strip_metadata: Annotated[
        bool, Field(description="Drop EXIF and XMP, the location included; the colour profile always stays")
    ] = True
    frames: Annotated[
        ImageFrames, Field(description="first: read the first frame of an animation, whatever follows it")
    ] = ImageFrames.ALL
    auto_orient: Annotated[
        bool, Field(description="Turn the image upright, as its EXIF says, before any op")
    ] = True
    background: Annotated[
        str,
        Field(
            pattern=r"^#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$",
            description="#rgb[a] or #rrggbb[aa]: behind transparent parts in JPEG, and around turned images",
        ),
    ] = "#fff"
    variants: Annotated[
        tuple[ImageVariant, ...],
        Field(max_length=10, description="Empty: one image, by the ops of the input itself"),
    ] = ()

    @model_validator(mode="after")
    def check_variants(self) -> ImageOrder:
        """Refuse ops beside variants, and two variants with one name."""
        names = [variant.name for variant in self.variants]
        if names and self.ops:
            raise ValueError("ops and variants exclude one another: give ops in each variant")
        if len(set(names)) < len(names):
            raise ValueError("two variants have the same name")
        return self


class ImageArtifact(Model):
    """One image that was made."""

    id: str
    name: str
    width: int
    height: int
    format: ImageFormat
    size_bytes: int
    sha256: str
    converted: Annotated[
        tuple[ImageChange, ...],
        Field(description="What of the source could not be kept, beside what was asked for; usually empty"),
    ] = ()


class ImageSource(Model):
    """The image as it was uploaded, before it was turned upright."""

    width: int
    height: int
    format: Annotated[str, Field(examples=["jpeg", "heif"])]
    size_bytes: int


class ImagesMade(Model):
    """The images that were made, in the order of the variants."""

    artifacts: tuple[ImageArtifact, ...]
    source: ImageSource


class Thumbnail(Model):
    """The image to shrink, and the width of its smaller copy."""

    file: ImageFile
    width: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_SIDE_PX,
            description="In pixels; a narrower image keeps its size",
            examples=[320],
        ),
    ]
    frames: Annotated[
        ImageFrames, Field(description="first: read the first frame of an animation, whatever follows it")
    ] = ImageFrames.ALL


class ThumbnailMade(Model):
    """The smaller copy."""

    artifact_id: str
    name: str
    width: int
    height: int
    converted: Annotated[
        tuple[ImageChange, ...], Field(description="What of the source could not be kept; usually empty")
    ] = ()
