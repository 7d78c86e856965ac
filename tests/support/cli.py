"""The type of the fixture that runs the command line."""

from __future__ import annotations

from collections.abc import Callable

#: Run the command line; returns its exit status.
Call = Callable[..., int]
