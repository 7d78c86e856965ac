"""How the server's memory is handed out: set in its environment, for it has no option of its own for that.

Packaged servers bring jemalloc; the wheel's takes the C library's allocator. A script has thousands of words
alive, and frees them at its end. glibc merges what is freed with its neighbours, and cuts the next script's
words from the pieces that were free for longest, which no cache of the processor holds any more: with many
jobs stored, a submit takes twice as long. So the server is given jemalloc where this machine has it.

Elsewhere, glibc is told to keep small pieces as they are, last in, first out, for at most 18 MB a thread: a
batch then takes two thirds of the time. ``docs/performance.md`` has the figures.
"""

from __future__ import annotations

import os
import sys
from ctypes.util import find_library

PRELOAD = "LD_PRELOAD"
TUNABLES = "GLIBC_TUNABLES"
#: Keep 20,000 pieces of each size up to 160 bytes, larger than most words; no bins that are merged in one go.
TUNED = "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=160:glibc.malloc.mxfast=0"


def server_environment() -> dict[str, str]:
    """Give what a server's environment has beside ours: nothing where one of these is set there."""
    if sys.platform != "linux" or PRELOAD in os.environ or TUNABLES in os.environ:
        return {}
    jemalloc = find_library("jemalloc")
    return {PRELOAD: jemalloc} if jemalloc else {TUNABLES: TUNED}
