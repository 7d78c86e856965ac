"""The ledger's scripts: one Lua file a verb, and the shared definitions that it uses.

The text of a script contains the keys of a layout, so its SHA-1 depends on the layout, too. Each layout has
one table of compiled scripts, see `Scripts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

from jobline.ledger.keys import Key, Layout

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
    """One verb of the ledger, by the name of its file in ``lua/``."""

    name: str


class Compiled(NamedTuple):
    """A script as Redis runs it."""

    name: str
    text: str
    sha: str  #: the SHA-1 of the text, by which Redis knows a script that it has loaded


class Scripts(dict[Script, Compiled]):
    """The compiled scripts of one layout; each is compiled at its first use.

    A subclass of dict, because every command looks its script up: a hit runs no Python.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, script: Script) -> Compiled:
        compiled = self[script] = compile_script(script.name, self._layout)
        return compiled


@cache
def scripts_of(layout: Layout) -> Scripts:
    """Return the one table of compiled scripts of a layout."""
    return Scripts(layout)


def compile_script(name: str, layout: Layout) -> Compiled:
    """Return a verb as Redis runs it, with its definitions and the keys of the layout."""
    text = inline_keys(source_of(name, layout), layout)
    return Compiled(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def source_of(name: str, layout: Layout) -> str:
    """Return a verb behind the definitions that it needs."""
    verb = read_lua(name)
    return "\n".join((*needed(verb, definitions(layout)), verb))


@cache
def definitions(layout: Layout) -> dict[str, str]:
    """Give every shared definition by its name, in order: keys, constants, the moves of the shared files."""
    found = {key.name if is_plain(key) else f"{key.name.lower()}_key": lua_key(key, layout) for key in Key}
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


def inline_keys(source: str, layout: Layout) -> str:
    """Write keys where they are used, in place of calls; a function that is then not called is left out.

    A submit has 11 functions less to build, and to call: a microsecond.
    """
    text = KEY_CALL.sub(lambda found: f"({join_key(PARTED[found[1]], found[2].split(','), layout)})", source)
    for name, key in PARTED.items():
        if len(re.findall(rf"\b{name}\b", text)) == 1:
            text = text.replace(f"{lua_key(key, layout)}\n", "")
    return text


def is_plain(key: Key) -> bool:
    """Claim that a key has no parts."""
    return "{}" not in key.value


def lua_key(key: Key, layout: Layout) -> str:
    """Write one key as a Lua constant, or as a function of its parts."""
    if is_plain(key):
        return f"local {key.name} = '{layout.key(key)}'"
    parts = [f"p{index}" for index in range(key.value.count("{}"))]
    name, body = f"{key.name.lower()}_key", join_key(key, parts, layout)
    return f"local function {name}({', '.join(parts)}) return {body} end"


def join_key(key: Key, parts: Sequence[str], layout: Layout) -> str:
    """Write the Lua expression that makes a key of its parts."""
    first, *pieces = key.value.split("{}")
    words = [f"'{layout.prefix}{first}'"]
    for part, piece in zip(parts, pieces, strict=True):
        words += [part.strip(), f"'{piece}'"] if piece else [part.strip()]
    return " .. ".join(words)


def read_lua(name: str) -> str:
    """Read one file of ``ledger/lua``: a verb, or a shared one by its folder."""
    return (LUA / f"{name}.lua").read_text(encoding="utf-8")


def verbs() -> list[str]:
    """List the verbs of the ledger: each has a file, and its script stands beside its command."""
    return sorted(file.name.removesuffix(".lua") for file in LUA.iterdir() if file.is_file())
