"""A TCP proxy on loopback that delays, mutes and resets what passes through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from jobline.cli.embedded import free_port

HOST = "127.0.0.1"
CHUNK = 65_536
#: SO_LINGER on, zero seconds: close sends RST.
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """A proxy before one port of this machine, in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        #: Delay of each byte in seconds, in each direction.
        self.delay_s = 0.0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pairs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The URL of the Redis behind the proxy."""
        return f"redis://{HOST}:{self.port}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def mute(self) -> None:
        """Cut half-open: connections stay and new ones are accepted, but nothing passes, not even an end."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def forget(self) -> None:
        """Forward again on new connections only; muted ones stay silent forever."""

        async def forget() -> None:
            for pair in list(self._pairs):
                pair.cancel()
            await asyncio.gather(*self._pairs, return_exceptions=True)
            self._flows.set()

        asyncio.run_coroutine_threadsafe(forget(), self._loop).result(5)

    def reset(self) -> None:
        """Reset every connection, as a restarted router does."""

        async def reset() -> None:
            for writer in list(self._writers):
                found: socket.socket = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()

        asyncio.run_coroutine_threadsafe(reset(), self._loop).result(5)

    async def _listen(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._take, HOST, self.port)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pair = asyncio.create_task(self._carry(source, sink))
            self._pairs.add(pair)
            pair.add_done_callback(self._pairs.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Forward chunks, each after the delay, without slowing the next ones."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        reading = asyncio.create_task(self._read(source, late))
        try:
            while True:
                due, data = await late.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flows.wait()
                if not data:
                    break
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            reading.cancel()
        with contextlib.suppress(OSError):
            sink.close()
        self._writers.discard(sink)

    async def _read(self, source: asyncio.StreamReader, late: asyncio.Queue[tuple[float, bytes]]) -> None:
        while True:
            try:
                data = await source.read(CHUNK)
            except OSError:
                data = b""
            late.put_nowait((self._loop.time() + self.delay_s, data))
            if not data:
                return

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
