"""Server-sent events: jobs' events as they happen, to any number of clients of a process.

::

    Redis ──PUBLISH──> Hub (one subscription a process) ──┐
    Redis ──XREAD────> Feed (one reader, while watched) ──┼─> Stream (one client) ──> socket
    Redis <──history / feed scripts, by the last id sent──┘

A `Stream` registers first and reads the past second; what is told meanwhile waits in its buffer, and ids tell
what came twice. When the buffer overflows, a subscription breaks, or Redis was away, it drops what it holds
and reads on from the last id that it sent. So history is the one source, and live events a shortcut.
"""
