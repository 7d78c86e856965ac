"""The ``Content-Disposition`` header of files (RFC 6266). The command line uses it for its uploads too."""

from __future__ import annotations

from urllib.parse import quote


def write_disposition(name: str) -> str:
    """Return the header value for an attachment, in ASCII; other names are added in full (RFC 8187)."""
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    extended = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'attachment; filename="{plain}"{extended}'
