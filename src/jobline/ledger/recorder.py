"""Call the ledger's commands over one pool of connections, synchronously; the service has its awaiting twin.

Safe to share between threads, and to carry over a fork: redis-py opens new connections in the child.
"""

from __future__ import annotations

import logging
import time
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from jobline.domain.errors import LedgerUnavailable
from jobline.ledger.address import keep_alive
from jobline.ledger.commands.command import Command

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Seconds. A renewal must fail, and be tried again on a new connection, well within a lease.
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 3.0


class Recorder:
    """Run commands against one ledger."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=ANSWER_TIMEOUT_S,
            **keep_alive(url),
            retry=Retry(NoBackoff(), 1),
            client_name="jobline-worker",
        )

    def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable when Redis does not answer or refuses the write."""
        script = command.script
        try:
            try:
                reply = self.redis.evalsha(script.sha, 0, *command.args)
            except NoScriptError:
                reply = self.redis.eval(script.text, 0, *command.args)
        except RedisError as error:
            raise LedgerUnavailable(f"{script.name}: {error}") from error
        return command.read(reply)

    def insist(self, command: Command[T], *, patience_s: float = 3600.0) -> T:
        """Run one command, again and again while Redis is out of reach; for what must not be lost.

        Only for commands that are harmless twice: every one that carries a fence is.
        Raises LedgerUnavailable after ``patience_s``.
        """
        give_up = time.monotonic() + patience_s
        pause_s = 0.1
        while True:
            try:
                return self.run(command)
            except LedgerUnavailable as error:
                if time.monotonic() > give_up:
                    raise
                logger.warning("the ledger is out of reach, trying again in %.1f s: %s", pause_s, error)
            self.rest(pause_s)
            pause_s = min(pause_s * 2, 1.0)

    def rest(self, pause_s: float) -> None:
        """Wait between two tries."""
        time.sleep(pause_s)
