from __future__ import annotations

import io
import os
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, PngImagePlugin

from jobline.tasks.image.limits import ImageLimits, read_limits
from jobline.tasks.image.order import ImagesMade
from jobline.testing import Outcome
from tests.support.images import encode, quarters

Attempt = Callable[..., Outcome[ImagesMade]]
Run = Callable[..., ImagesMade]
KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000", "ICO", "PPM", "HEIF"]


ORDERS: list[dict[str, Any]] = [
    {},
    {"format": "jpeg", "strip_metadata": False},
    {"format": "png", "ops": [{"op": "resize", "width": 8}]},
]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ImageLimits]]:
    """Set limits as an operator does."""

    def set_limits(**values: int) -> ImageLimits:
        for name, value in values.items():
            monkeypatch.setenv(f"JOBLINE_IMAGE_{name.upper()}", str(value))
        read_limits.cache_clear()
        return read_limits()

    yield set_limits
    monkeypatch.undo()
    read_limits.cache_clear()


def code_of(attempt: Attempt, content: bytes, **order: Any) -> str:
    error = attempt(content, **order).error
    assert error
    assert not error.retryable
    return error.code


def sample(kind: str) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    return encode(Image.effect_noise((64, 64), 60).convert("RGB"), kind)


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header has a size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"hello, this is text",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"PK\x03\x04" + bytes(100),
        b"\x00" * 1000,
    ],
    ids=["empty", "byte", "text", "xml-svg", "svg", "pdf", "eps", "zip", "zeros"],
)
def test_file_that_is_not_an_image_is_unsupported(attempt: Attempt, content: bytes) -> None:
    assert code_of(attempt, content) == "image.unsupported_format"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000", "HEIF"])
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_truncated_image_is_corrupt(attempt: Attempt, kind: str, part: float) -> None:
    content = sample(kind)
    assert code_of(attempt, content[: max(40, int(len(content) * part))]) == "image.corrupt"


@pytest.mark.parametrize("length", [4, 8, 12, 20])
def test_image_that_ends_in_its_header_is_corrupt(attempt: Attempt, length: int) -> None:
    assert code_of(attempt, sample("PNG")[: max(8, length)]) == "image.corrupt"
    assert code_of(attempt, sample("JPEG")[:length]) == "image.corrupt"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_end_in_an_image_or_in_a_code_of_the_family(attempt: Attempt, kind: str) -> None:
    content = sample(kind)
    draw = random.Random(kind)  # noqa: S311 - the same damage each time
    for _ in range(60):
        damaged = bytearray(content)
        span = draw.choice([64, 256, len(content)])
        for _ in range(draw.randint(1, 12)):
            damaged[draw.randrange(min(span, len(damaged)))] = draw.randrange(256)
        error = attempt(bytes(damaged), format="png", strip_metadata=False).error
        assert error is None or error.code.startswith("image."), error


def loads(content: bytes) -> bool:
    """Return whether Pillow decodes an image without an error."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except Exception:  # noqa: BLE001 - whatever a plugin raises
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_image_that_cannot_be_decoded_whole_is_never_a_success(attempt: Attempt, kind: str) -> None:
    """A PNG with one wrong byte in its middle was a success with a partly black picture, in 45 of 48."""
    content, refused = sample(kind), 0
    for number in range(24):
        damaged = bytearray(content)
        damaged[len(content) // 4 + number * len(content) // 60] ^= 0xFF
        if not loads(bytes(damaged)):
            refused += 1
            for order in ORDERS:
                assert code_of(attempt, bytes(damaged), **order) == "image.corrupt"
    assert refused or kind != "PNG"  # the others have no checksum: a wrong byte may be a wrong pixel


def test_more_pixels_than_the_limit_are_refused_before_decoding(attempt: Attempt) -> None:
    assert code_of(attempt, bomb(7_072, 7_072)) == "image.too_large"
    assert code_of(attempt, bomb(60_000, 60_000)) == "image.too_large"
    assert code_of(attempt, bomb(2**31 - 1, 2**31 - 1)) == "image.too_large"


def test_pixels_within_the_limit_are_not_refused_for_their_number(attempt: Attempt) -> None:
    assert code_of(attempt, bomb(7_071, 7_071)) == "image.corrupt"


def test_larger_file_than_the_limit_is_refused(
    attempt: Attempt, run: Run, limits: Callable[..., ImageLimits]
) -> None:
    content = sample("PNG")
    limits(max_bytes=len(content) - 1)
    assert code_of(attempt, content) == "image.too_large"
    limits(max_bytes=len(content))
    assert run(content).artifacts


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_animation_is_refused(attempt: Attempt, kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert code_of(attempt, content) == "image.too_many_frames"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_client_may_ask_for_the_first_frame(
    attempt: Attempt, made_image: Callable[..., Image.Image], kind: str
) -> None:
    """A client that wants a still of an animation had no way to get one."""
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    made = made_image(content, frames="first", format="png")
    red, green, blue = cast("tuple[int, int, int]", made.convert("RGB").getpixel((9, 9)))
    assert (red > 240, green + blue < 20) == (True, True)
    (image,) = attempt(content, frames="first", format="png").result.artifacts
    assert "frames" in image.converted
    assert code_of(attempt, content, frames="all") == "image.too_many_frames"


def test_still_image_has_no_other_frames(run: Run) -> None:
    assert run(encode(quarters(), "PNG"), frames="first").artifacts[0].converted == ()


def bmp_with(offset: int, value: bytes) -> bytes:
    content = bytearray(encode(quarters(), "BMP"))
    content[offset : offset + len(value)] = value
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [bmp_with(28, b"\x02\0"), bmp_with(30, b"\x06\0\0\0"), bmp_with(30, b"\x05\0\0\0")],
    ids=["depth", "compression", "embedded-png"],
)
def test_valid_image_of_a_variant_that_is_not_read_is_unsupported(attempt: Attempt, content: bytes) -> None:
    """It was called corrupt, and its sender looked for a fault that was not there."""
    assert code_of(attempt, content) == "image.unsupported_format"


INTERNAL = re.compile(r"Plugin|decoder|MAX_|0x|stream|Errno|Traceback|PIL|libtiff")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_message_of_a_damaged_image_has_no_words_of_a_library(attempt: Attempt, kind: str) -> None:
    """Clients read it: it says what is wrong with their file, not which class of Pillow met it."""
    content = sample(kind)
    for cut in (20, len(content) // 2, len(content) - 30):
        error = attempt(content[:cut]).error
        assert error is None or not INTERNAL.search(error.message), error.message


def test_text_beyond_the_limit_is_too_large(attempt: Attempt) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "x" * 70_000_000, zip=True)
    error = attempt(encode(quarters(), "PNG", pnginfo=text)).error
    assert error
    assert (error.code, error.message) == ("image.too_large", "The image holds more text than is read.")


def test_operator_may_allow_frames_and_the_first_is_used(
    attempt: Attempt, made_image: Callable[..., Image.Image], limits: Callable[..., ImageLimits]
) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    limits(max_frames=3)
    assert made_image(content).convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    limits(max_frames=2)
    assert code_of(attempt, content) == "image.too_many_frames"


def test_pixels_of_all_frames_count(attempt: Attempt, limits: Callable[..., ImageLimits]) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    limits(max_frames=3, max_pixels=32 * 32 * 3 - 1)
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert code_of(attempt, content) == "image.too_large"


def test_crop_beyond_the_image_is_refused(attempt: Attempt) -> None:
    content = encode(quarters(), "PNG")
    assert (
        code_of(attempt, content, ops=[{"op": "crop", "x": 30, "y": 0, "w": 11, "h": 5}]) == "image.bad_crop"
    )
    turned = [{"op": "rotate", "degrees": 10}, {"op": "crop", "x": 900, "y": 0, "w": 11, "h": 5}]
    assert code_of(attempt, content, ops=turned) == "image.bad_crop"


def test_enormous_result_is_refused(attempt: Attempt) -> None:
    resize = {"op": "resize", "width": 16_383, "height": 16_383, "fit": "fill", "upscale": True}
    assert code_of(attempt, encode(quarters(), "PNG"), ops=[resize]) == "image.output_too_large"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_damaged_exif_does_not_stop_the_image(run: Run) -> None:
    content = encode(quarters(), "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff")
    assert run(content, strip_metadata=False).artifacts


def test_trouble_of_the_disk_is_not_the_images_fault(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, os.strerror(5))

    content = sample("PNG")
    monkeypatch.setattr(Image, "open", fail)
    outcome = attempt(content)
    assert outcome.error
    assert outcome.error.code == "internal"
    assert "Input/output" in outcome.error.message


def test_suffix_and_type_of_the_upload_are_not_believed(run: Run, tmp_path: Path) -> None:
    stream = io.BytesIO()
    quarters().save(stream, "PNG")
    assert run(stream.getvalue()).source.format == "png"
