"""What all moves use: the ledger and the model side by side, on one clock.

Time is the machine's: the scripts' one look at the clock, ``redis.call('TIME')``, reads a key instead.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Flag, auto
from typing import Any, TypeVar

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition

from jobline.domain.errors import Gone, NotFound
from jobline.domain.retention import Retention
from jobline.ledger.commands.attempts import Limits
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import Script, source_of, write_keys
from tests.model.comparison import DUMP
from tests.model.entities import FILE_MS, RESULT_MS, TOMBSTONE_MS
from tests.model.rules import Model

T = TypeVar("T")
Rule = TypeVar("Rule", bound=Callable[..., Any])
RETENTION = Retention(RESULT_MS, FILE_MS, TOMBSTONE_MS)
NOW = "model:now"
CLOCK_CALL = "redis.call('TIME')"
MY_CLOCK = f"""(function() local now = tonumber(redis.call('GET', '{NOW}'))
  return {{ math.floor(now / 1000000), now % 1000000 }} end)()"""
#: What passes with each move. A script orders what it does by the time and a few microseconds.
CALL_US = 200
TENANTS = st.sampled_from(["one", "one", "one", "two"])
QUEUES = st.sampled_from(["left", "right"])
OWNERS = st.sampled_from(["w1", "w2"])
#: Mostly the newest of what there is.
ANY = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 6])


class Part(Flag):
    """What a machine may leave out; submit, claim, settle, cancel and time are always played."""

    READS = auto()
    LISTS = auto()
    FILES = auto()
    BATCHES = auto()
    AGAIN = auto()
    DELETES = auto()
    MANY = auto()
    LOSSES = auto()
    TELLS = auto()
    UNHEARD = auto()
    LIMITS = auto()
    QUEUES = auto()
    EVENTS = auto()


def only(part: Part) -> Callable[[Rule], Rule]:
    """Play a rule where its part is in play."""
    return precondition(lambda self: part in self.parts)


class Stage(RuleBasedStateMachine):
    """Run scripts; a subclass gives the Redis, and may change a script."""

    ledger: redis.Redis
    mutation: tuple[str, str, str] | None = None
    parts: Part = ~Part(0)
    #: the scripts that Redis has learnt; one a class, as mutations are
    shas: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.ledger.flushdb()
        self.shas["dump"] = self.ledger.script_load(DUMP)
        #: the whole ledger after the last move
        self.dump: dict[str, Any] = {}
        #: (job id, fence) of every attempt that was ever claimed: workers keep what they were given
        self.attempts: list[tuple[str, int]] = []
        self.ids: list[str] = []
        self.batches: list[str] = []
        self.files: list[str] = []
        self.limits = Limits()
        self.numbers = 0
        #: the tasks that the last tick named as unserved
        self.unserved: list[str] = []

    def run(self, command: Command[T]) -> T:
        """Run one script on the machine's time; as in life, by the reader that the command brings."""
        return command.read(self.call(command))

    def ask(self, command: Command[T]) -> T | str:
        """Run one script; gives the word where nothing is found."""
        try:
            return self.run(command)
        except Gone:
            return "gone"
        except NotFound:
            return "unknown"

    def call(self, command: Command[Any]) -> Any:
        """Run one script, and give its reply as it came."""
        pipe = self.ledger.pipeline(transaction=False)
        pipe.set(NOW, self.model.now_us)
        pipe.evalsha(self.load(command.script), 0, *command.args)
        pipe.evalsha(self.shas["dump"], 0)
        _, reply, dump = pipe.execute()
        self.dump = {key.decode(): content for key, content in dump}
        return reply

    def load(self, script: Script) -> str:
        """Teach Redis a script on the machine's time, with its defect where it has one."""
        if script.name not in self.shas:
            text = source_of(script.name)
            if self.mutation is not None and self.mutation[0] == script.name:
                _, old, new = self.mutation
                assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {script.name}"
                text = text.replace(old, new)
            self.shas[script.name] = self.ledger.script_load(
                write_keys(text, DEFAULT_LAYOUT).replace(CLOCK_CALL, MY_CLOCK)
            )
        return self.shas[script.name]

    def new_id(self) -> str:
        """Return an id that was never used."""
        self.numbers += 1
        return f"j{self.numbers:04}"

    def final_or_any(self, number: int) -> str:
        """Return a job, more often one that has ended."""
        final = [name for name in self.ids if name in self.model.jobs and self.model.jobs[name].forget_at]
        return self.pick(final if final and number < 3 else self.ids, number)

    def pick(self, found: list[T], number: int) -> T:
        """Return one of the newest."""
        return found[-1 - number % min(len(found), 8)]
