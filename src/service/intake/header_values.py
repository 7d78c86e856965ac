"""Header values with parameters (RFC 9110, section 5.6.6): ``form-data; name="f"; filename="a.png"``. Pure.

Each value is read once from left to right. Blanks are spaces and tabs alone: a line feed that passed for one
would be sent back in a header.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

#: The alternatives begin with different characters, so no part of a value is read twice.
PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^;"]*))?""", re.DOTALL
)
ESCAPED = re.compile(r'\\(["\\])')
CHARSETS = frozenset({"utf-8", "iso-8859-1"})


def read_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the parameters, in lower case, and the parameters up to a wrong one."""
    kind, semicolon, _ = value.partition(";")
    parameters: dict[str, str] = {}
    at = len(kind)
    while semicolon and (match := PARAMETER.match(value, at)):
        name, content = match.groups()
        if name is not None:
            parameters[name.lower()] = unquote(content)
        at = match.end()
    return kind.strip(" \t").lower(), parameters


def unquote(content: str) -> str:
    """Return a token as it is, and a quoted string without quotes; of escapes, only those of a quote count.

    Windows programs send paths with bare backslashes.
    """
    if not content.startswith('"'):
        return content.strip(" \t")
    return ESCAPED.sub(r"\1", content[1:-1])


def read_extended(value: str) -> str | None:
    """Return the text of an extended value (RFC 8187), None if it is not valid."""
    charset, _, rest = value.partition("'")
    _, quote, encoded = rest.partition("'")
    if not quote or charset.lower() not in CHARSETS:
        return None
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return None
