from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobline import TaskError
from jobline.tasks.image.geometry import Size, check_ops, fit, needed_scale
from jobline.tasks.image.order import ImageCrop, ImageFit, ImageOp, ImageResize, ImageRotate

sides = st.integers(1, 16_383)


@pytest.mark.parametrize(
    ("size", "asked", "made"),
    [
        ((400, 200), {"width": 100}, (100, 50)),
        ((400, 200), {"height": 100}, (200, 100)),
        ((400, 200), {"width": 100, "height": 100}, (100, 50)),
        ((400, 200), {"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ((400, 200), {"width": 100, "height": 100, "fit": "fill"}, (100, 100)),
        ((400, 200), {"width": 800}, (400, 200)),
        ((400, 200), {"width": 800, "upscale": True}, (800, 400)),
        ((400, 200), {"width": 800, "height": 800, "fit": "cover"}, (200, 200)),
        ((400, 200), {"width": 800, "height": 800, "fit": "cover", "upscale": True}, (800, 800)),
        ((400, 200), {"width": 800, "height": 100, "fit": "fill"}, (400, 100)),
        ((10_000, 1), {"width": 10}, (10, 1)),
    ],
)
def test_resize_comes_to_the_promised_size(
    size: tuple[int, int], asked: dict[str, object], made: tuple[int, int]
) -> None:
    assert fit(Size(*size), ImageResize.model_validate({"op": "resize", **asked})).size == made


@given(sides, sides, sides, sides, st.sampled_from(ImageFit), st.booleans())
def test_resize_stays_within_the_image_and_the_box(
    width: int,
    height: int,
    asked_width: int,
    asked_height: int,
    how: ImageFit,
    upscale: bool,  # noqa: FBT001
) -> None:
    op = ImageResize(op="resize", width=asked_width, height=asked_height, fit=how, upscale=upscale)
    made, part = fit(Size(width, height), op)

    assert 1 <= made.width <= asked_width
    assert 1 <= made.height <= asked_height
    assert 0 <= part.left < part.right <= width + 1e-6
    assert 0 <= part.top < part.bottom <= height + 1e-6
    if not upscale:
        assert made.width <= width
        assert made.height <= height


def test_full_resolution_is_kept_unless_a_resize_comes_first() -> None:
    size, shrink = Size(1000, 1000), ImageResize(op="resize", width=100)
    assert needed_scale(size, [shrink]) == pytest.approx(0.15)
    assert needed_scale(size, [ImageCrop(op="crop", x=0, y=0, w=10, h=10), shrink]) == 1
    assert needed_scale(size, []) == 1


@pytest.mark.parametrize(
    ("ops", "code"),
    [
        ([ImageCrop(op="crop", x=50, y=0, w=51, h=10)], "image.bad_crop"),
        (
            [ImageResize(op="resize", width=10), ImageCrop(op="crop", x=0, y=0, w=11, h=1)],
            "image.bad_crop",
        ),
        (
            [ImageRotate(op="rotate", degrees=90), ImageCrop(op="crop", x=0, y=0, w=100, h=1)],
            "image.bad_crop",
        ),
        ([ImageResize(op="resize", width=10_000, upscale=True)], "image.output_too_large"),
    ],
)
def test_impossible_ops_are_foreseen(ops: list[ImageOp], code: str) -> None:
    with pytest.raises(TaskError) as caught:
        check_ops(Size(100, 50), ops, 1_000_000)
    assert caught.value.code == code
