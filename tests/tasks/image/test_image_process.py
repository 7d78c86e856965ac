from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms

from jobline import State, testing
from jobline.tasks.image import thumbnail
from jobline.tasks.image.order import ImagesMade, Thumbnail
from jobline.testing import Outcome, file_id
from tests.support.images import encode, quarters, read

Open = Callable[..., Image.Image]
Attempt = Callable[..., Outcome[ImagesMade]]
Run = Callable[..., ImagesMade]
RED, LIME, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Read the four quarters, each channel as 0 or 255: top left, top right, bottom left, bottom right."""
    rgb = image.convert("RGB")
    places = [(x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    found = [rgb.getpixel((int(x * rgb.width), int(y * rgb.height))) for x, y in places]
    return [
        tuple(255 if value > 127 else 0 for value in pixel) for pixel in found if isinstance(pixel, tuple)
    ]


def oriented(orientation: int) -> bytes:
    """Store the four quarters so that they look upright when the EXIF is followed."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    image = quarters()
    return encode(
        image if undo is None else image.transpose(Image.Transpose(undo)), "JPEG", exif=exif, quality=95
    )


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "ICO", "PPM", "JPEG2000"]
)
@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif", "tiff"])
def test_every_readable_format_becomes_every_writable_one(made_image: Open, kind: str, target: str) -> None:
    image = made_image(encode(quarters(64, 64), kind), format=target)
    assert image.format == target.upper()
    assert image.size == (64, 64)
    assert corners(image) == [RED, LIME, BLUE, WHITE]


def test_heic_of_a_phone_becomes_jpeg(made_image: Open) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    image = made_image(encode(quarters(64, 64), "HEIF", quality=90))
    assert image.format == "JPEG"
    assert corners(image) == [RED, LIME, BLUE, WHITE]


@pytest.mark.parametrize(
    ("kind", "kept"), [("JPEG", "jpeg"), ("PNG", "png"), ("GIF", "png"), ("BMP", "png"), ("JPEG2000", "jpeg")]
)
def test_keep_is_the_sources_format_or_the_nearest(run: Run, kind: str, kept: str) -> None:
    made = run(encode(quarters(), kind))
    assert made.artifacts[0].format == kept
    assert made.source.format == kind.lower()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "ops", [[], [{"op": "resize", "width": 20}], [{"op": "crop", "x": 0, "y": 0, "w": 40, "h": 20}]]
)
def test_photo_is_turned_upright_before_the_ops(made_image: Open, orientation: int, ops: list[Any]) -> None:
    image = made_image(oriented(orientation), ops=ops, format="png")
    assert image.size == ((20, 10) if ops and ops[0]["op"] == "resize" else (40, 20))
    assert corners(image) == [RED, LIME, BLUE, WHITE]


def test_photo_stays_as_stored_when_asked(made_image: Open) -> None:
    assert made_image(oriented(6), auto_orient=False).size == (20, 40)


def test_metadata_is_stripped_and_the_colour_profile_stays(made_image: Open) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    content = encode(quarters(), "JPEG", exif=exif, icc_profile=profile, comment=b"secret", xmp=b"<xmp/>")

    for target in ("jpeg", "png", "webp", "avif", "tiff"):
        image = made_image(content, format=target)
        assert 0x010F not in image.getexif()
        assert "comment" not in image.info
        assert "xmp" not in image.info
        assert image.info["icc_profile"] == profile


@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif", "tiff"])
def test_kept_metadata_names_the_camera_and_an_upright_image(made_image: Open, target: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"

    image = made_image(encode(quarters(), "JPEG", exif=exif), format=target, strip_metadata=False)

    found = image.getexif()
    assert found[0x010F] == "Maker"
    assert found.get(0x0112, 1) == 1
    assert found.get_ifd(0x8769)[0x9003] == "2026:01:01 00:00:00"
    assert image.size == (20, 40)


def test_colour_profile_of_other_colours_is_dropped(made_image: Open) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = made_image(encode(quarters(), "PNG", icc_profile=profile), ops=[{"op": "grayscale"}])
    assert image.mode == "L"
    assert "icc_profile" not in image.info


def test_cmyk_photo_becomes_rgb(made_image: Open) -> None:
    image = made_image(encode(quarters(mode="CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert corners(image) == [RED, LIME, BLUE, WHITE]


def test_phones_mpo_is_a_photo_like_any(attempt: Attempt) -> None:
    content = encode(quarters(64, 64), "MPO", save_all=True, append_images=[quarters(64, 64)])
    outcome = attempt(content, ops=[{"op": "resize", "width": 32}])
    assert outcome.result.source.format == "jpeg"
    assert corners(read(outcome.artifacts["image.jpg"])) == [RED, LIME, BLUE, WHITE]


def test_sixteen_bits_become_eight_by_their_full_range(made_image: Open) -> None:
    deep = Image.new("I;16", (2, 1))
    deep.putpixel((0, 0), 32768)
    deep.putpixel((1, 0), 65535)
    image = made_image(encode(deep, "PNG"))
    assert image.mode == "L"
    assert image.getpixel((0, 0)) in {127, 128}
    assert image.getpixel((1, 0)) == 255


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("F", 127.5), ("I", 128), ("I", 32768)])
def test_other_depths_keep_their_brightness(made_image: Open, mode: str, value: float) -> None:
    image = Image.new(mode, (2, 1), value)
    image.putpixel((1, 0), 0)
    assert made_image(encode(image, "TIFF"), format="png").getpixel((0, 0)) in {127, 128}


def test_transparent_palette_stays_transparent_in_png_and_takes_the_background_in_jpeg(
    made_image: Open,
) -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    content = encode(image, "PNG", transparency=0)

    assert made_image(content, format="png").convert("RGBA").getpixel((8, 8)) == (255, 0, 0, 0)
    red, green, blue = made_image(content, format="jpeg", background="#00f").getpixel((8, 8))  # type: ignore[misc]
    assert red < 10
    assert green < 10
    assert blue > 245


def test_blur_does_not_show_the_colour_of_invisible_pixels(made_image: Open) -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 10, 20))
    blurred = made_image(encode(image, "PNG"), ops=[{"op": "blur", "radius": 3}])
    pixel = blurred.getpixel((9, 10))
    assert isinstance(pixel, tuple)
    assert pixel[0] < 10


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ({"op": "flip"}, [LIME, RED, WHITE, BLUE]),
        ({"op": "flip", "axis": "vertical"}, [BLUE, WHITE, RED, LIME]),
        ({"op": "rotate", "degrees": 90}, [BLUE, RED, WHITE, LIME]),
        ({"op": "rotate", "degrees": -90}, [LIME, WHITE, RED, BLUE]),
        ({"op": "rotate", "degrees": 180}, [WHITE, BLUE, LIME, RED]),
        ({"op": "rotate", "degrees": 360}, [RED, LIME, BLUE, WHITE]),
        ({"op": "crop", "x": 20, "y": 0, "w": 20, "h": 10}, [LIME] * 4),
    ],
)
def test_op_does_what_its_name_says(made_image: Open, op: dict[str, Any], expected: list[Any]) -> None:
    assert corners(made_image(encode(quarters(), "PNG"), ops=[op])) == expected


def test_corners_beside_a_turned_image_take_the_background(made_image: Open) -> None:
    content, turn = encode(quarters(), "PNG"), [{"op": "rotate", "degrees": 45}]
    assert made_image(content, ops=turn, background="#f0f").getpixel((0, 0)) == (255, 0, 255)
    assert made_image(content, ops=turn, background="#f0f0").getpixel((0, 0)) == (255, 0, 255, 0)


def test_cover_cuts_both_sides_evenly(made_image: Open) -> None:
    image = made_image(
        encode(quarters(), "PNG"), ops=[{"op": "resize", "width": 10, "height": 10, "fit": "cover"}]
    )
    assert image.size == (10, 10)
    assert corners(image) == [RED, LIME, BLUE, WHITE]


def test_crop_after_a_leading_resize_refers_to_the_resized_image(made_image: Open) -> None:
    ops = [{"op": "resize", "width": 80}, {"op": "crop", "x": 40, "y": 0, "w": 40, "h": 20}]
    image = made_image(encode(quarters(1600, 800), "JPEG", quality=95), ops=ops)
    assert image.size == (40, 20)
    assert corners(image) == [LIME] * 4


def test_variants_come_from_one_source_with_progress(attempt: Attempt) -> None:
    outcome = attempt(
        encode(quarters(400, 200), "JPEG"),
        format="webp",
        variants=[
            {"name": "large", "ops": [{"op": "resize", "width": 200}]},
            {"name": "small", "ops": [{"op": "resize", "width": 50}], "format": "png"},
            {"name": "right", "ops": [{"op": "crop", "x": 200, "y": 0, "w": 200, "h": 200}]},
        ],
    )

    assert [(one.name, one.width, one.height) for one in outcome.result.artifacts] == [
        ("large.webp", 200, 100),
        ("small.png", 50, 25),
        ("right.webp", 200, 200),
    ]
    assert [report[:3] for report in outcome.progress] == [(done, 3, "variants") for done in range(4)]


def test_result_describes_the_bytes_that_are_published(attempt: Attempt) -> None:
    content = encode(quarters(), "JPEG")
    outcome = attempt(content)
    made = outcome.result
    artifact = made.artifacts[0]
    published = outcome.artifacts[artifact.name]

    assert artifact.id.startswith("art_")
    assert artifact.size_bytes == len(published)
    assert artifact.sha256 == hashlib.sha256(published).hexdigest()
    assert made.source.size_bytes == len(content)
    assert (made.source.width, made.source.height) == (40, 20)


def test_same_order_makes_the_same_bytes(run: Run) -> None:
    content = encode(quarters(), "JPEG")
    assert run(content) == run(content)


def test_lower_quality_is_smaller(run: Run) -> None:
    content = encode(Image.effect_noise((200, 200), 80), "PNG")
    for target in ("jpeg", "webp", "avif"):
        sizes = [run(content, format=target, quality=quality).artifacts[0].size_bytes for quality in (10, 95)]
        assert sizes[0] < sizes[1]


def test_cancelled_job_stops_between_variants(attempt: Attempt) -> None:
    outcome = attempt(encode(quarters(), "PNG"), variants=[{"name": "a"}, {"name": "b"}], cancel_after=1)
    assert outcome.state is State.REVOKED
    assert [report.done for report in outcome.progress] == [0]


@pytest.mark.parametrize(
    ("width", "size"), [(100, (100, 50)), (800, (400, 200))], ids=["shrunk", "never enlarged"]
)
def test_thumbnail_keeps_the_ratio_and_never_enlarges(width: int, size: tuple[int, int]) -> None:
    upload = encode(quarters(400, 200), "JPEG")
    outcome = testing.run(thumbnail, Thumbnail(file=file_id("a"), width=width), files={"a": upload})
    made = outcome.result
    assert (made.width, made.height, made.name) == (*size, "thumbnail.jpg")
    assert read(outcome.artifacts["thumbnail.jpg"]).size == size


def test_side_that_the_format_cannot_hold_is_refused(attempt: Attempt) -> None:
    error = attempt(encode(Image.new("L", (20_000, 1)), "PNG"), format="webp").error
    assert error
    assert error.code == "image.output_too_large"


def sixteen_bits() -> bytes:
    """Return a PNG with sixteen bits of RGB, which Pillow reads and does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + bytes(6 * 8) for _ in range(4))
    header = struct.pack(">IIBBBBB", 8, 4, 16, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


#: Bytes, the rest of the input, and what `converted` says.
CONVERTED: dict[str, tuple[bytes, dict[str, Any], tuple[str, ...]]] = {
    "16-bit RGB PNG": (sixteen_bits(), {}, ("bit_depth",)),
    "16-bit grey PNG": (encode(Image.new("I;16", (8, 4)), "PNG"), {}, ("bit_depth",)),
    "16-bit grey TIFF": (encode(Image.new("I;16", (8, 4)), "TIFF"), {}, ("bit_depth",)),
    "float TIFF": (encode(Image.new("F", (8, 4)), "TIFF"), {}, ("bit_depth",)),
    "CMYK TIFF": (encode(Image.new("CMYK", (8, 4)), "TIFF"), {}, ("colour_space",)),
    "CMYK JPEG": (encode(Image.new("CMYK", (8, 4)), "JPEG"), {}, ("colour_space",)),
    "LAB TIFF": (encode(Image.new("LAB", (8, 4)), "TIFF"), {}, ("colour_space",)),
    "bilevel PNG": (encode(Image.new("1", (8, 4)), "PNG"), {}, ("bilevel",)),
    "palette GIF": (encode(Image.new("P", (8, 4)), "GIF"), {}, ("palette", "format")),
    "BMP": (encode(Image.new("RGB", (8, 4)), "BMP"), {}, ("format",)),
    "RGBA as JPEG": (encode(Image.new("RGBA", (8, 4)), "PNG"), {"format": "jpeg"}, ("transparency",)),
    "16-bit JPEG 2000": (encode(Image.new("I;16", (8, 4)), "JPEG2000"), {}, ("bit_depth", "format")),
    "RGB JPEG": (encode(Image.new("RGB", (8, 4)), "JPEG"), {}, ()),
    "RGBA PNG": (encode(Image.new("RGBA", (8, 4)), "PNG"), {}, ()),
    "RGBA WebP": (encode(Image.new("RGBA", (8, 4)), "WEBP"), {}, ()),
    "RGB AVIF": (encode(Image.new("RGB", (8, 4)), "AVIF"), {}, ()),
    "RGB TIFF as PNG": (encode(Image.new("RGB", (8, 4)), "TIFF"), {"format": "png"}, ()),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_result_says_what_could_not_be_kept(name: str, run: Run) -> None:
    """`keep` turned 16 bits into 8 and CMYK into RGB, and said nothing."""
    content, order, changes = CONVERTED[name]
    assert run(content, **order).artifacts[0].converted == changes
