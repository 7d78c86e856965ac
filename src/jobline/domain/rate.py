"""A rate limit as ``JOBLINE_RATE_LIMIT`` writes it; `jobline.service.guards` counts."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests in a window of seconds, written ``600/60``."""

    requests: int
    window_s: int

    @classmethod
    def read(cls, text: str) -> Rate:
        """Read ``requests/seconds``; raises ValueError for anything else."""
        match = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,4})", text.strip())
        if match is None:
            raise ValueError(f"must read requests/seconds, like 600/60, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.requests}/{self.window_s}"
