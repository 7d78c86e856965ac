"""How the server's memory is handed out: set in its environment, for it has no option of its own for that.

Packaged servers bring jemalloc; the wheel's takes glibc's allocator. A script has thousands of words alive,
and frees them at its end. glibc merges what is freed with its neighbours, and cuts the next script's words
from the pieces that were free for longest, which no cache of the processor holds any more. Here so many small
pieces stay as they are, last in, first out, for at most 18 MB a thread: with many jobs stored, a batch takes
two thirds of the time. A server with jemalloc is faster still, and knows nothing of these settings;
``docs/performance.md`` has the figures.
"""

from __future__ import annotations

import os

VARIABLE = "GLIBC_TUNABLES"
#: Keep 20,000 pieces of each size up to 160 bytes, larger than most words; no bins that are merged in one go.
TUNED = "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=160:glibc.malloc.mxfast=0"


def server_environment() -> dict[str, str]:
    """Give what a server's environment has beside ours; what is set there stands. Ignored without glibc."""
    return {VARIABLE: os.environ.get(VARIABLE, TUNED)}
