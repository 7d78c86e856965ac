"""The cursors of lists: opaque to clients, and the position of the last item for us."""

from __future__ import annotations

import base64
import binascii

from jobline.service.answers.refusals import BadParameter

#: The largest position: the year 9999, in microseconds.
MAX_POSITION = 253_402_300_800_000_000


def write_cursor(position: str) -> str:
    """Return the cursor of a position."""
    return base64.urlsafe_b64encode(f"1:{position}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int | None:
    """Return the position of a cursor, None for the empty one; raises BadParameter for anything else."""
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        version, _, position = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        )
    except (binascii.Error, ValueError):
        version = position = ""
    if version != "1" or not position.isdigit():
        raise BadParameter("The cursor is not valid. Pass next_cursor of the previous page unchanged.")
    return min(int(position), MAX_POSITION)
