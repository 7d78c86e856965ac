"""The ledger's scripts: one Lua file a verb, behind the shared prelude; loaded once, known by SHA-1."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha1
from importlib.resources import files

from jobs.keys import PREFIX, Key

#: Constants of the scripts. EPOCH_US is 2026-01-01: what is left of 53 bits holds a turn until 2043.
CONSTANTS = {
    "EPOCH_US": 1_767_225_600_000_000,
    "EVENTS_KEPT": 1_000,
    "FEED_KEPT": 100_000,
    "WAKE_TOKENS": 64,
    "WORKER_TTL_MS": 60_000,
    "SLACK_MS": 86_400_000,
    "CLAIM_SKIPS": 100,
    "TICK_BATCH": 200,
    "TICK_GAP_MS": 3_000,
}


@dataclass(frozen=True, eq=False)
class Script:
    """Hold one verb's text."""

    name: str

    @cached_property
    def text(self) -> str:
        """Give the whole text: the key functions, the constants, the shared moves, the verb."""
        return "\n".join((prelude(), read_lua("ledger"), read_lua(self.name)))

    @cached_property
    def sha(self) -> str:
        """Give the name by which Redis knows the loaded script."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Verb(Enum):
    """Name every verb of the ledger; what each does stands at the head of its file in ``lua/``."""

    SUBMIT = Script("submit")
    CLAIM = Script("claim")
    RENEW = Script("renew")
    SETTLE = Script("settle")
    LOSE = Script("lose")
    CANCEL = Script("cancel")
    RELEASE = Script("release")
    REPORT = Script("report")
    TICK = Script("tick")
    READ = Script("read")
    LIST = Script("list")
    KEEP_FILE = Script("keep_file")
    READ_FILE = Script("read_file")
    DROP_FILE = Script("drop_file")
    TRASH = Script("trash")
    WORKERS = Script("workers")


def prelude() -> str:
    """Write the key templates and constants as Lua."""
    lines = [lua_key(key) for key in Key]
    lines += [f"local {name} = {value}" for name, value in CONSTANTS.items()]
    return "\n".join(lines)


def lua_key(key: Key) -> str:
    """Write one key as a Lua constant, or as a function of its parts."""
    name, template = key.name, PREFIX + key.value
    count = template.count("{}")
    if not count:
        return f"local {name} = '{template}'"
    parts = [f"p{index}" for index in range(count)]
    pieces = template.split("{}")
    words = [f"'{pieces[0]}'"]
    for part, piece in zip(parts, pieces[1:], strict=True):
        words += [part, f"'{piece}'"] if piece else [part]
    return f"local function {name.lower()}_key({', '.join(parts)}) return {' .. '.join(words)} end"


def read_lua(name: str) -> str:
    """Read one file of ``jobs/lua``."""
    return (files("jobs") / "lua" / f"{name}.lua").read_text(encoding="utf-8")
