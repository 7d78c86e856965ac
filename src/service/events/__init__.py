"""Server-sent events and waiting clients: jobs' events, delivered to any number of clients of a process.

::

    Redis ──PUBLISH──> Dispatcher (one subscription a process) ──┬─> JobWait (one client) ──> response
                                                                 └─> Stream  (one client) ──> socket
    Redis ──XREAD────> Feed (one reader, while it has clients) ────> Stream
    Redis <──history and feed scripts, from the last ID sent ─────── Stream

A `Stream` subscribes first and reads the past second. Events that arrive in between wait in its buffer, and
their IDs show which ones the page of the past had already. When the buffer overflows, a subscription breaks
or Redis is away, the stream drops its buffer and reads on from the last ID that it sent. So the history is
the only source, and live events are a shortcut.
"""
