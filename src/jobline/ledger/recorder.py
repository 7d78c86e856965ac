"""The ledger for code that blocks: the worker's processes and threads, and stock Celery clients.

It is called a recorder because a worker records through it how each attempt goes; `store.Store` is its
counterpart for code that awaits. Threads may share one, and so may a forked child: redis-py opens new
connections there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TypeVar

from redis.exceptions import NoScriptError, RedisError

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.ledger.commands.command import Argument, Command
from jobline.ledger.commands.version import check_version
from jobline.ledger.connect import Connector
from jobline.ledger.keys import Key
from jobline.ledger.scripts import Script
from jobline.ledger.subscription import PolledSubscription

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


class Recorder:
    """The commands of one process, over a pool of connections."""

    def __init__(self, connector: Connector) -> None:
        self._layout = connector.layout
        self._scripts = connector.scripts
        self._redis = connector.blocking_client()

    def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable when Redis does not answer or refuses the write."""
        script = self._scripts[command.script]
        try:
            try:
                reply = self._redis.evalsha(script.sha, 0, *command.args)
            except NoScriptError:
                reply = self._redis.eval(script.text, 0, *command.args)
        except RedisError as error:
            raise LedgerUnavailable(f"{script.name}: {error}") from error
        return command.read(reply)

    def run_with_retries(self, command: Command[T], *, give_up_after_s: float = 3600.0) -> T:
        """Run one command and retry while Redis is unavailable; for reports that must not be lost.

        Only for commands that may run twice, such as all that carry a fence. Raises LedgerUnavailable after
        ``give_up_after_s``, and LedgerUnusable at once, since a retry does not help there.
        """
        give_up = time.monotonic() + give_up_after_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return self.run(command)
            except LedgerUnusable:
                raise
            except LedgerUnavailable as error:
                if time.monotonic() > give_up:
                    raise
                logger.warning("The ledger cannot be reached, retrying in %.1f s: %s", pause_s, error)
            self.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def sleep(self, pause_s: float) -> None:
        """Wait between two tries."""
        time.sleep(pause_s)

    def check_version(self) -> None:
        """Raise LedgerUnusable if the ledger has another version, LedgerUnavailable if Redis is away."""
        self.run(check_version(self._layout))

    def subscribe(self, name: str) -> PolledSubscription:
        """Return a subscription to the channel of the process with this name."""
        return PolledSubscription(self._redis, self._layout, name)

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._redis.close()

    # for the transport, which sends on connections of kombu

    def to_words(self, command: Command[T]) -> tuple[Argument, ...]:
        """Return a command in the words of Redis; Redis must have loaded its script."""
        return ("EVALSHA", self._scripts[command.script].sha, 0, *command.args)

    def to_wait_words(self, queues: Sequence[str], timeout_s: float) -> tuple[str | float, ...]:
        """Return the words of the command that waits for work in one of the queues, until the timeout."""
        return ("BRPOP", *(self._layout.key(Key.WAKE, queue) for queue in queues), timeout_s)

    def load(self, script: Script) -> None:
        """Load a script into Redis."""
        self._redis.script_load(self._scripts[script].text)
