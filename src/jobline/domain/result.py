"""From what a task returned to the JSON that the ledger stores. Pure.

The worker and `jobline.testing` apply the same rules, so a test sees each refusal that a job would see.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from jobline.domain.errors import TaskError
from jobline.domain.task import Result, Task


def check_result(task: Task[Any, Result], value: object, limit_bytes: int) -> tuple[Result, bytes]:
    """Return what a task returned, as its result model and as JSON.

    Raises TaskError ``result.invalid``, ``result.not_json`` or ``result.too_large``.
    """
    try:
        result = task.result_adapter.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'result'}: {part['msg']}"
            for part in error.errors(include_input=False, include_url=False)
        )
        raise TaskError("result.invalid", f"The result is not a {task.result.__name__}: {wrong}") from None
    try:
        plain = task.result_adapter.dump_python(result, mode="json")
        content = write_json(plain)
    except (ValueError, TypeError) as error:
        raise TaskError("result.not_json", f"The result cannot be written as JSON: {error}") from None
    if len(content) > limit_bytes:
        raise TaskError(
            "result.too_large",
            f"The result has {len(content):,} bytes of JSON, the limit is {limit_bytes:,}; "
            "write an artifact instead.",
        )
    return result, content


def write_json(plain: object) -> bytes:
    """Return plain values as JSON; raises ValueError for NaN and infinity, which JSON cannot express."""
    content = to_json(plain, inf_nan_mode="constants")
    if b"NaN" in content or b"Infinity" in content:  # perhaps only inside a string
        json.dumps(plain, allow_nan=False)
    return content
