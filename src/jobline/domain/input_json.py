"""The input as the client sent it: read once, written once, never passed through a model's serializers.

A model's dump is not its input: a `SecretStr` is written as asterisks, an excluded field is left out, a field
that is read from an alias is written under another name, and what a validator has changed would be changed
once more. So the ledger stores the client's own JSON, and each attempt validates that. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from jobline.domain.errors import FieldError, Unprocessable

MAX_ERRORS = 50
NOT_FINITE = "is not a finite number; JSON numbers end near 1.8e308"


def read_json(text: str | bytes) -> object:
    """Parse JSON that a validator has accepted; whole numbers stay exact, whatever their size."""
    return from_json(text)


def write_input(given: object, pointer: str = "") -> bytes:
    """Return an input as the ledger stores it.

    ``pointer`` leads to the input within the request. Raises Unprocessable with a pointer to each number
    that became infinite (``1e400``) or is NaN, and for text or an object that JSON cannot express.
    """
    try:
        text = to_json(given, inf_nan_mode="constants")
    except (ValueError, TypeError) as error:  # a lone surrogate, or an object from a client in Python
        raise Unprocessable(f"{pointer or 'The input'} cannot be written as JSON: {error}") from None
    if b"NaN" in text or b"Infinity" in text:  # perhaps only inside a string
        check_finite(given, pointer)
    return text


def check_finite(given: object, pointer: str) -> None:
    """Refuse numbers that JSON cannot express; raises Unprocessable."""
    errors = tuple(FieldError(place, NOT_FINITE) for place in find_not_finite(given, pointer))
    if errors:
        raise Unprocessable(f"{errors[0].pointer or 'The input'}: {NOT_FINITE}", errors=errors[:MAX_ERRORS])


def find_not_finite(part: object, pointer: str) -> Iterator[str]:
    """Yield a JSON Pointer (RFC 6901) to each number that is infinite or NaN."""
    if isinstance(part, float):
        if not math.isfinite(part):
            yield pointer
    elif isinstance(part, dict):
        for name, below in part.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from find_not_finite(below, f"{pointer}/{step}")
    elif isinstance(part, list | tuple):
        for index, below in enumerate(part):
            yield from find_not_finite(below, f"{pointer}/{index}")


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Return what is wrong and where, never the values: an input may hold secrets."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple(
        FieldError("".join(f"/{step}" for step in detail["loc"]), detail["msg"])
        for detail in details[:MAX_ERRORS]
    )


def join_errors(errors: tuple[FieldError, ...]) -> str:
    """Return the errors as one sentence."""
    return "; ".join(f"{one.pointer}: {one.detail}" if one.pointer else one.detail for one in errors)
