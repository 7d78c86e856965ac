"""The ledger's scripts: one Lua file a verb, behind the shared prelude; loaded once, known by SHA-1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
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
    "TICK_BATCH": 50,
    "TICK_GAP_MS": 3_000,
    "RATES_KEPT_MS": 900_000,
    "USED_EVERY_MS": 60_000,
    "TERM_WORDS": 9,
}


#: The files whose definitions every verb may use.
SHARED = ("ledger", "limits", "events", "moves", "births", "selection")
#: One shared definition: a whole line that begins with `local`, or lines up to an `end` at the margin.
DEFINITION = re.compile(
    r"^local (?:function )?(?P<name>\w+)(?:[^\n]*(?:\bend|\}|')$|[^\n]*\n(?:[ \n][^\n]*\n?)*?^end$)",
    re.MULTILINE,
)
WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class Script:
    """Hold one verb's text."""

    name: str

    @cached_property
    def text(self) -> str:
        """Give the whole text: the definitions that the verb needs, then the verb."""
        verb = read_lua(self.name)
        return "\n".join((*needed(verb, definitions()), verb))

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
    DISOWN = Script("disown")
    REPORT = Script("report")
    TICK = Script("tick")
    READ = Script("read")
    LIST = Script("list")
    HISTORY = Script("history")
    FEED = Script("feed")
    KEEP_FILE = Script("keep_file")
    READ_FILE = Script("read_file")
    DROP_FILE = Script("drop_file")
    TRASH = Script("trash")
    WORKERS = Script("workers")
    LEAVE = Script("leave")
    SUBMIT_BATCH = Script("submit_batch")
    READ_BATCH = Script("read_batch")
    CANCEL_MANY = Script("cancel_many")
    RETRY = Script("retry")
    RETRY_MANY = Script("retry_many")
    DELETE = Script("delete")
    QUEUES = Script("queues")
    QUEUE = Script("queue")
    PAUSE = Script("pause")
    KEEP_ACCESS = Script("keep_access")
    READ_ACCESS = Script("read_access")
    LIST_ACCESS = Script("list_access")
    DROP_ACCESS = Script("drop_access")
    COUNT = Script("count")


@cache
def definitions() -> dict[str, str]:
    """Give every shared definition by its name, in order: keys, constants, the moves of the shared files."""
    found = {key.name if is_plain(key) else f"{key.name.lower()}_key": lua_key(key) for key in Key}
    found |= {name: f"local {name} = {value}" for name, value in CONSTANTS.items()}
    for name in SHARED:
        found |= {match["name"]: match[0] for match in DEFINITION.finditer(read_lua(name))}
    return found


def needed(verb: str, shared: dict[str, str]) -> list[str]:
    """Choose the definitions that a verb uses, directly or through others, in their order.

    A script builds its functions anew at each call: the whole ledger would cost 8 microseconds, more than the
    work of many a verb.
    """
    wanted: set[str] = set()
    unread = [verb]
    while unread:
        fresh = set(WORD.findall(unread.pop())) & (shared.keys() - wanted)
        wanted |= fresh
        unread += [shared[name] for name in fresh]
    return [text for name, text in shared.items() if name in wanted]


def is_plain(key: Key) -> bool:
    """Claim that a key has no parts."""
    return "{}" not in key.value


def lua_key(key: Key) -> str:
    """Write one key as a Lua constant, or as a function of its parts."""
    name, template = key.name, PREFIX + key.value
    count = template.count("{}")
    if is_plain(key):
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
