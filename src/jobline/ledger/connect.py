"""Every client of Redis is made here: one reading of the URL, and one set of options with their reasons.

A `Connector` has the address of a ledger and its layout. `Store` awaits commands over one connection,
`Recorder` calls them over a pool, `Subscription` and `FeedReader` each have a connection of their own, and
Celery's transport makes its connections from a URL and options. All of them get their client from a method of
the connector: Sentinel, a cluster, or TLS with a private certificate authority will be changes of this module
alone. A connector opens no connection; a client opens one at its first command.

Each new connection first checks the ledger's version, in one round trip; LedgerVersion is raised before any
command is sent. Kombu's connections do not: the worker checks at its start and after each reconnect instead.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import redis
from redis import asyncio as awaiting
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry as AwaitingRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobline.domain.errors import LedgerMode
from jobline.domain.redis_url import RedisAddress, read_redis_url
from jobline.domain.settings import Settings
from jobline.ledger.commands.command import Argument, Command
from jobline.ledger.commands.version import check_version
from jobline.ledger.keys import DEFAULT_LAYOUT, Layout
from jobline.ledger.scripts import Scripts, scripts_of

#: The name of our kombu transport, which `worker.app` registers. The URL of a socket file names it, too.
BROKER_SCHEME = "jobline"

#: Seconds that the service waits for a connection: it answers 503 after 1.5 s.
AWAITING_CONNECT_S = 1.0
#: Seconds. A renewal must fail, and be retried on a new connection, well within a lease.
BLOCKING_CONNECT_S = 2.0
BLOCKING_ANSWER_S = 3.0
#: Seconds. Kombu blocks the worker's event loop while it waits for some replies (to a heartbeat, a refreshed
#: binding, a ping). On a connection that no longer answers, each of them delays the claims by this time.
BROKER_ANSWER_S = 2
BROKER_CONNECT_S = 3
#: Milliseconds. A closed connection would try for minutes to send what it has not sent, and a claim could
#: arrive after its jobs were released. Shorter than the transport takes to find the connection dead, which is
#: BROKER_ANSWER_S after the end of a BRPOP of one second.
UNSENT_TIMEOUT = {socket.TCP_USER_TIMEOUT: BROKER_ANSWER_S * 1000} if sys.platform == "linux" else {}


@dataclass(frozen=True)
class Connector:
    """The address and the layout of one ledger; the factory of its clients."""

    url: str
    layout: Layout = DEFAULT_LAYOUT

    @classmethod
    def of(cls, settings: Settings) -> Connector:
        """Return the connector of the ledger that the settings name."""
        return cls(settings.ledger_url, Layout(settings.prefix))

    @cached_property
    def scripts(self) -> Scripts:
        """The compiled scripts of this layout."""
        return scripts_of(self.layout)

    @cached_property
    def address(self) -> RedisAddress:
        """What the URL means, for every client."""
        return read_redis_url(self.url)

    def blocking_client(self) -> redis.Redis:
        """Return a client with a pool of connections, for all threads of a process and its children."""
        pool = redis.ConnectionPool(
            self.blocking_class,
            **self.target,
            socket_connect_timeout=BLOCKING_CONNECT_S,
            socket_timeout=BLOCKING_ANSWER_S,
            **self._keep_alive,
            # One retry: a connection that Redis closed while it was idle fails at its next use.
            retry=Retry(NoBackoff(), 1),
            client_name="jobline-worker",
            redis_connect_func=self._begin,
        )
        return redis.Redis.from_pool(pool)

    def awaiting_client(self) -> awaiting.Redis:
        """Return a client for one task that waits for messages or entries, however long."""
        return awaiting.Redis.from_pool(self._awaiting_pool())

    def awaiting_connection(self) -> AbstractConnection:
        """Return one closed connection. Its owner opens it, retries, and limits the time of each command."""
        connection: AbstractConnection = self._awaiting_pool().make_connection()
        return connection

    @property
    def target(self) -> dict[str, Any]:
        """The part of a connection's options that follows from the URL, by redis-py's names."""
        address = self.address
        options = {"db": address.db, "username": address.username, "password": address.password}
        if address.path:
            return {**options, "path": address.path}
        return {**options, "host": address.host, "port": address.port, **address.tls_files}

    @property
    def blocking_class(self) -> type[redis.Connection | redis.UnixDomainSocketConnection]:
        """The class of a connection, which decides on TLS; it checks the server's certificate and name."""
        if self.address.path:
            return redis.UnixDomainSocketConnection
        return redis.SSLConnection if self.address.is_tls else redis.Connection

    @property
    def broker_url(self) -> str:
        """The ledger's URL as kombu shows it; `worker.transport` connects with the ``target`` instead."""
        address = self.address
        if address.path:
            return f"{BROKER_SCHEME}+socket://{address.login}{quote(address.path)}?virtual_host={address.db}"
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"redis{'s' * address.is_tls}://{address.login}{host}:{address.port}/{address.db}"

    @property
    def broker_options(self) -> dict[str, Any]:
        """The part of Celery's ``broker_transport_options`` that concerns connections."""
        return {
            "socket_timeout": BROKER_ANSWER_S,
            "socket_connect_timeout": BROKER_CONNECT_S,
            "socket_keepalive": True,
            "socket_keepalive_options": UNSENT_TIMEOUT,
            "health_check_interval": BROKER_ANSWER_S,
            # For Celery's own keys and channels: remote control reaches the workers of one Jobline only.
            "global_keyprefix": self.layout.prefix,
        }

    def _awaiting_pool(self) -> awaiting.ConnectionPool:
        plain = awaiting.SSLConnection if self.address.is_tls else awaiting.Connection
        return awaiting.ConnectionPool(
            awaiting.UnixDomainSocketConnection if self.address.path else plain,
            **self.target,
            # No read timeout, since a channel is usually silent; keepalive detects a dead peer.
            socket_timeout=None,
            socket_connect_timeout=AWAITING_CONNECT_S,
            **self._keep_alive,
            # No retries: the user of the connection must restore its state first, such as a subscription.
            retry=AwaitingRetry(NoBackoff(), 0),
            redis_connect_func=self._begin_awaiting,
        )

    def _begin(self, connection: redis.Connection) -> None:
        """Shake hands, then check the version. A refused connection is closed, or it would count as open."""
        connection.on_connect()
        command = check_version(self.layout)
        try:
            connection.send_command("HELLO")
            connection.send_command(*self._to_eval(command))
            check_mode(connection.read_response())
            command.read(connection.read_response())
        except Exception:
            connection.disconnect()
            raise

    async def _begin_awaiting(self, connection: AbstractConnection) -> None:
        """Begin a connection that awaits, in the same way."""
        await connection.on_connect()
        command = check_version(self.layout)
        try:
            await connection.send_command("HELLO")
            await connection.send_command(*self._to_eval(command))
            check_mode(await connection.read_response())
            command.read(await connection.read_response())
        except Exception:
            await connection.disconnect(nowait=True)
            raise

    def _to_eval(self, command: Command[None]) -> tuple[Argument, ...]:
        return ("EVAL", self.scripts[command.script].text, 0, *command.args)

    @property
    def _keep_alive(self) -> dict[str, Any]:
        # A socket file has no such option, and redis-py refuses it there.
        return {} if self.address.path else {"socket_keepalive": True}


def check_mode(greeting: Any) -> None:  # noqa: ANN401 - redis-py's own shape, which differs by protocol
    """Raise LedgerMode for the reply to HELLO of a server that does not have all keys itself."""
    words = greeting if isinstance(greeting, dict) else dict(zip(greeting[::2], greeting[1::2], strict=True))
    mode = words.get(b"mode", b"standalone")
    if mode != b"standalone":
        raise LedgerMode(mode.decode())
