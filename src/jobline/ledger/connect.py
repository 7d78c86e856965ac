"""Every client of Redis is made here: one reading of the URL, and one set of options with their reasons.

A `Connector` is an address and a layout. `Store` awaits commands over one connection, `Recorder` calls them
over a pool, `Subscription` and `FeedReader` wait on a connection of their own, and Celery's transport makes
its connections from a broker's URL and options. Each gets its client from a method of the connector, so
another kind of server (Sentinel, a cluster) or another way to it (TLS with a private authority) is a change
of this module alone. Nothing here connects: clients do, at their first command.

A new connection begins with a check of the ledger's version, one round trip: it raises LedgerVersion before
any command is sent. Kombu's connections are the exception; the worker checks for them, see `worker.consumer`.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from redis.asyncio import ConnectionPool as AwaitingPool
from redis.asyncio import Redis as AwaitingRedis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry as AwaitingRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobline.domain.errors import LedgerVersion
from jobline.domain.settings import Settings
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
#: Seconds. Kombu blocks the worker's event loop while it waits for some replies (of a heartbeat, a refreshed
#: binding, a ping): on a connection that stopped answering, each delays the claims by this.
BROKER_ANSWER_S = 2
BROKER_CONNECT_S = 3
#: A closed connection with an unsent claim would go on sending for minutes: the claim could arrive after it
#: was disowned. Milliseconds; shorter than the transport takes to find the connection dead, which is
#: BROKER_ANSWER_S after the end of a BRPOP of one second.
UNSENT_TIMEOUT = {socket.TCP_USER_TIMEOUT: BROKER_ANSWER_S * 1000} if sys.platform == "linux" else {}


@dataclass(frozen=True)
class Connector:
    """The address of one ledger and its layout: what makes a client of it."""

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

    def blocking_client(self) -> redis.Redis:
        """Return a client with a pool of connections, for all threads of a process and its children."""
        return redis.Redis.from_url(
            self.url,
            socket_connect_timeout=BLOCKING_CONNECT_S,
            socket_timeout=BLOCKING_ANSWER_S,
            **self._keep_alive,
            # One retry: a connection that Redis closed while it was idle fails at its next use.
            retry=Retry(NoBackoff(), 1),
            client_name="jobline-worker",
            redis_connect_func=self._begin,
        )

    def awaiting_client(self) -> AwaitingRedis:
        """Return a client for one task that waits for messages or entries, however long."""
        client: AwaitingRedis = AwaitingRedis.from_url(self.url, **self._awaiting_options)
        return client

    def awaiting_connection(self) -> AbstractConnection:
        """Return one connection, not opened; its owner retries and bounds each command by itself."""
        connection: AbstractConnection = AwaitingPool.from_url(
            self.url, **self._awaiting_options
        ).make_connection()
        return connection

    @property
    def broker_url(self) -> str:
        """The ledger's address for kombu, which writes a socket file and its database in its own way."""
        if not self._is_socket_file:
            return self.url
        parts = urlsplit(self.url)
        query = parse_qs(parts.query)
        database, password = query.get("db", ["0"])[0], query.get("password", [""])[0] or parts.password
        user = f"{parts.username or ''}:{password}@" if password else ""
        return f"{BROKER_SCHEME}+socket://{user}{parts.path}?virtual_host={database}"

    @property
    def broker_options(self) -> dict[str, Any]:
        """Celery's ``broker_transport_options``, as far as they concern connections."""
        return {
            "socket_timeout": BROKER_ANSWER_S,
            "socket_connect_timeout": BROKER_CONNECT_S,
            "socket_keepalive": True,
            "socket_keepalive_options": UNSENT_TIMEOUT,
            "health_check_interval": BROKER_ANSWER_S,
            # Celery's own keys and channels, too: remote control reaches the workers of one Jobline only.
            "global_keyprefix": self.layout.prefix,
        }

    @property
    def _awaiting_options(self) -> dict[str, Any]:
        return {
            # No timeout of single reads: a silent channel is the usual case. Keepalive finds a dead peer.
            "socket_timeout": None,
            "socket_connect_timeout": AWAITING_CONNECT_S,
            **self._keep_alive,
            # Whoever uses the connection retries by itself: it must first restore what the connection knew.
            "retry": AwaitingRetry(NoBackoff(), 0),
            "redis_connect_func": self._begin_awaiting,
        }

    def _begin(self, connection: redis.Connection) -> None:
        """Shake hands and check the version; a refused connection is closed, or it would count as open."""
        connection.on_connect()
        command = check_version(self.layout)
        connection.send_command("EVAL", self.scripts[command.script].text, 0, *command.args)
        try:
            command.read(connection.read_response())
        except LedgerVersion:
            connection.disconnect()
            raise

    async def _begin_awaiting(self, connection: AbstractConnection) -> None:
        """Do the same on a connection that awaits."""
        await connection.on_connect()
        command = check_version(self.layout)
        await connection.send_command("EVAL", self.scripts[command.script].text, 0, *command.args)
        try:
            command.read(await connection.read_response())
        except LedgerVersion:
            await connection.disconnect(nowait=True)
            raise

    @property
    def _keep_alive(self) -> dict[str, bool]:
        # A socket file has no such option, and redis-py refuses it there.
        return {} if self._is_socket_file else {"socket_keepalive": True}

    @property
    def _is_socket_file(self) -> bool:
        return self.url.startswith("unix://")
