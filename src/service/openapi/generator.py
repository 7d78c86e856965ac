"""FastAPI's generator of JSON Schemas, with the corrections that each schema of a task has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi._compat import v2

from jobline.domain.schemas import Corrections


class DocumentGenerator(Corrections, v2.GenerateJsonSchema):
    """The generator of the whole document."""


@contextmanager
def corrected_schemas() -> Iterator[None]:
    """Correct the schemas that FastAPI writes while the block runs; it takes no generator by its API."""
    stock = v2.GenerateJsonSchema
    v2.GenerateJsonSchema = DocumentGenerator  # type: ignore[misc] # the only way in
    try:
        yield
    finally:
        v2.GenerateJsonSchema = stock  # type: ignore[misc]
