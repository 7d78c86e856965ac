"""The ledger's scripts: one Lua file a verb, behind the shared prelude; loaded once, known by SHA-1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha1
from importlib.resources import files

from jobline.ledger.keys import PREFIX, Key

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


LUA = files("jobline.ledger") / "lua"
#: The files of ``lua/shared`` in the order in which they build on each other; definitions are for every verb.
SHARED = ("ledger", "limits", "events", "moves", "births", "selection")
#: One shared definition: a whole line that begins with `local`, or lines up to an `end` at the margin.
DEFINITION = re.compile(
    r"^local (?:function )?(?P<name>\w+)(?:[^\n]*(?:\bend|\}|')$|[^\n]*\n(?:[ \n][^\n]*\n?)*?^end$)",
    re.MULTILINE,
)
WORD = re.compile(r"\w+")
#: Keys that have parts, by the names of their functions in Lua.
PARTED = {f"{key.name.lower()}_key": key for key in Key if "{}" in key.value}
#: A key made of plain words, not of what other calls give.
KEY_CALL = re.compile(r"(?<!function )\b(\w+_key)\(([^()]*)\)")


@dataclass(frozen=True, eq=False)
class Script:
    """Hold one verb's text."""

    name: str

    @cached_property
    def source(self) -> str:
        """Give the definitions that the verb needs, then the verb."""
        verb = read_lua(self.name)
        return "\n".join((*needed(verb, definitions()), verb))

    @cached_property
    def text(self) -> str:
        """Give what Redis runs."""
        return inline_keys(self.source)

    @cached_property
    def sha(self) -> str:
        """Give the name by which Redis knows the loaded script."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def definitions() -> dict[str, str]:
    """Give every shared definition by its name, in order: keys, constants, the moves of the shared files."""
    found = {key.name if is_plain(key) else f"{key.name.lower()}_key": lua_key(key) for key in Key}
    found |= {name: f"local {name} = {value}" for name, value in CONSTANTS.items()}
    for name in SHARED:
        found |= {match["name"]: match[0] for match in DEFINITION.finditer(read_lua(f"shared/{name}"))}
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


def inline_keys(source: str) -> str:
    """Write keys where they are used, in place of calls; a function that is then not called is left out.

    A submit has 11 functions less to build, and to call: a microsecond.
    """
    text = KEY_CALL.sub(lambda found: f"({join_key(PARTED[found[1]], found[2].split(','))})", source)
    for name, key in PARTED.items():
        if len(re.findall(rf"\b{name}\b", text)) == 1:
            text = text.replace(f"{lua_key(key)}\n", "")
    return text


def is_plain(key: Key) -> bool:
    """Claim that a key has no parts."""
    return "{}" not in key.value


def lua_key(key: Key) -> str:
    """Write one key as a Lua constant, or as a function of its parts."""
    if is_plain(key):
        return f"local {key.name} = '{PREFIX}{key.value}'"
    parts = [f"p{index}" for index in range(key.value.count("{}"))]
    return f"local function {key.name.lower()}_key({', '.join(parts)}) return {join_key(key, parts)} end"


def join_key(key: Key, parts: Sequence[str]) -> str:
    """Write the Lua expression that makes a key of its parts."""
    first, *pieces = (PREFIX + key.value).split("{}")
    words = [f"'{first}'"]
    for part, piece in zip(parts, pieces, strict=True):
        words += [part.strip(), f"'{piece}'"] if piece else [part.strip()]
    return " .. ".join(words)


def read_lua(name: str) -> str:
    """Read one file of ``ledger/lua``: a verb, or a shared one by its folder."""
    return (LUA / f"{name}.lua").read_text(encoding="utf-8")


def verbs() -> list[str]:
    """List the verbs of the ledger: each has a file, and its script stands beside its command."""
    return sorted(file.name.removesuffix(".lua") for file in LUA.iterdir() if file.is_file())
