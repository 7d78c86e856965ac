"""A picture for `jobline demo`, as large as a photo of a phone: drawn, so that none has to be shipped."""

from __future__ import annotations

from pathlib import Path

from jobline.domain.errors import JoblineError

SIZE = (4000, 3000)
SKY, SEA, SUN = (94, 148, 214), (24, 62, 112), (255, 214, 120)
QUALITY = 90


class PillowMissing(JoblineError):
    """There is no Pillow to draw with, nor for the image tasks that the demo shows."""


def draw_picture(path: Path) -> Path:
    """Write a JPEG of a sunset into the file, and return its path; raises PillowMissing."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise PillowMissing("the demo needs the image tasks: pip install 'jobline[image]'") from None
    width, height = SIZE
    fade = Image.linear_gradient("L").resize(SIZE)
    picture = Image.composite(Image.new("RGB", SIZE, SUN), Image.new("RGB", SIZE, SKY), fade)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.4, height * 0.45, width * 0.6, height * 0.72), fill=SUN)
    draw.rectangle((0, height * 0.65, width, height), fill=SEA)
    grain = Image.effect_noise(SIZE, 40).convert("RGB")  # a photo has grain: without it, a JPEG of nothing
    Image.blend(picture, grain, 0.15).save(path, quality=QUALITY)
    return path
