"""Tasks as a user might write them; no test of the service depends on the tasks that come with Jobline."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from jobline import FileId, FileRule, JobContext, Model, task


class Addends(Model):
    a: int
    b: float = 1.0
    words: frozenset[str] = frozenset()


class Total(Model):
    total: float


class Circle(Model):
    radius: Annotated[float, Field(gt=0)]


class Square(Model):
    side: float


class Shapes(BaseModel):
    shapes: list[Circle | Square] = []
    anything: object = None


class Picture(Model):
    file: Annotated[FileId, FileRule(max_bytes=1000, media_types=("image/*",))]


@task("demo.add", queue="sums", max_attempts=4, timeout_s=60)
def add(order: Addends) -> Total:
    """Add two numbers."""
    return Total(total=order.a + order.b)


@task("demo.draw")
async def draw(order: Shapes, job: JobContext) -> Total:
    """Draw shapes."""
    job.progress(1, 1)
    return Total(total=len(order.shapes))


@task("photo.look")
def look(order: Picture) -> Total:
    """Look at a picture."""
    return Total(total=1)


@task("photo.missing", extra="none_such", requires=("no_such_package",))
def missing(order: Picture) -> Total:
    """Need a package that does not exist."""
    return Total(total=1)


ALL = (add, draw, look, missing)
