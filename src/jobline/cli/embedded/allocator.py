"""The memory allocator of the server, chosen by its environment, as the server has no option for it.

Packaged servers are built with jemalloc; the one of the wheel uses the C library's allocator. A script
allocates thousands of small strings and frees them at its end. glibc merges freed pieces with their
neighbours, and takes the next script's strings from the pieces that were free for longest, which are in no
cache of the processor: with many jobs stored, a submit takes twice as long. So the server gets jemalloc if
this machine has it.

Otherwise glibc is set to keep small pieces as they are, last in, first out, for at most 18 MB a thread: a
batch then takes two thirds of the time. ``docs/performance.md`` has the figures.
"""

from __future__ import annotations

import os
import sys
from ctypes.util import find_library

PRELOAD = "LD_PRELOAD"
TUNABLES = "GLIBC_TUNABLES"
#: Keep 20,000 pieces of each size up to 160 bytes, larger than most strings; no bins that are merged at once.
TUNED = "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=160:glibc.malloc.mxfast=0"


def server_environment() -> dict[str, str]:
    """Return what the server's environment has in addition; nothing if the user set one of these."""
    if sys.platform != "linux" or PRELOAD in os.environ or TUNABLES in os.environ:
        return {}
    jemalloc = find_library("jemalloc")
    return {PRELOAD: jemalloc} if jemalloc else {TUNABLES: TUNED}
