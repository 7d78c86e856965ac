"""What a server may offer beyond ASGI, left in the scope of each request; `gathering` offers it.

Both ways go round the checks and copies of a server's own ``send``, so what they are given must be whole and
correct as it is. Without such a server everything goes by ``send``.
"""

from __future__ import annotations

from typing import Protocol

#: Where a server leaves the connection of a request.
CONNECTION = "jobline.connection"


class Connection(Protocol):
    """Write to the client of one request."""

    def add_lines(self, lines: bytes) -> None:
        """Put whole header lines (RFC 9112, section 5), each with its end, into the head that is sent next.

        A server looks at each header of an answer anew. Those that are the same each time need that once.
        """

    def write_chunk(self, data: bytes) -> None:
        """Write a piece of a chunked body (RFC 9112, section 7.1) now, unless the client is slow to read.

        ``send``, and what awaits it, were a third of what a stream's sign of life costs.
        """
