"""The terminal of a supervisor: each line under the name of the process that wrote it."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import TextIO

OWN = "jobline"
CHILDREN = frozenset({"api", "worker", "redis"})
WIDTH = len(OWN)
#: ANSI colours; any other name is grey.
COLOURS = {OWN: "1;36", "api": "32", "worker": "33", "redis": "35"}
REPLAYED = 60


class Console:
    """Prints ``name | line``, in colour on a terminal; keeps the lines of muted processes until `replay`.

    ``on_hang_up`` is called when the reader has gone (``jobline dev | head``).
    """

    def __init__(self, stream: TextIO, *, muted: frozenset[str] = frozenset()) -> None:
        self.on_hang_up: Callable[[], object] = lambda: None
        self._stream = stream
        self._has_colour = stream.isatty()
        self._muted = muted
        self._kept: deque[tuple[str, str]] = deque(maxlen=REPLAYED)

    def say(self, name: str, text: str) -> None:
        """Print each line of a text, or keep it for `replay`; never raises."""
        if name in self._muted:
            self._kept.append((name, text))
        else:
            self._print(name, text)

    def say_own(self, text: str) -> None:
        """Print a text of the command itself."""
        self.say(OWN, text)

    def replay(self) -> None:
        """Print the last lines that were kept."""
        while self._kept:
            self._print(*self._kept.popleft())

    def close(self) -> None:
        """Drop what can no longer be written, so that the interpreter's own flush at exit does not fail."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
            return
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()

    def _print(self, name: str, text: str) -> None:
        prefix = f"{name:<{WIDTH}} |"
        if self._has_colour:
            prefix = f"\033[{COLOURS.get(name, '2')}m{prefix}\033[0m"
        try:
            self._stream.write("".join(f"{prefix} {line}".rstrip() + "\n" for line in text.splitlines()))
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self.on_hang_up()
