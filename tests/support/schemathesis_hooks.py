"""Shorten the waits that schemathesis generates: one of 60 s is valid, but would use up the whole run."""

from __future__ import annotations

from typing import Any

import schemathesis

SHORT_S = 0.05


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int | float) and 0 < wait <= 60:
        case.query["wait"] = SHORT_S
