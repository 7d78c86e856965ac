"""The ledger's scripts: one Lua file a verb, linked with the shared definitions that it uses.

Redis knows no modules, so a script is one text. And a script builds its functions at each call: all of the
shared ones before each verb would cost 8 microseconds, more than the work of many a verb. So each verb gets
what it uses:

1. `definitions` cuts the shared files at each ``local`` in the first column. A definition ends where the
   next one begins, and its name is the first word after ``local``. Constants of Python are definitions,
   too.
2. `find_used` follows the names in a verb, and in what it uses, and so on. A definition comes after those
   that it uses itself, so neither files nor definitions have an order to keep.
3. `write_keys` replaces each name of a key (``QUEUES``), and each call for one (``job_key(id)``), by the
   expression of the key. A submit then has 11 functions fewer to build and to call: a microsecond.

The rules for Lua that follow: a shared name is unique, no two definitions use each other, and a part of a
key is never a call. Tests hold them, and luacheck reads what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

from jobline.ledger.keys import Key, Layout

LUA = files("jobline.ledger") / "lua"
#: Constants of the scripts. EPOCH_US is 2026-01-01: the rest of 53 bits holds a rank until 2043.
CONSTANTS = {
    "EPOCH_US": 1_767_225_600_000_000,
    "EVENTS_KEPT": 1_000,
    "FEED_KEPT": 100_000,
    "WAKE_TOKENS": 64,
    "WORKER_TTL_MS": 60_000,
    "CANCELS_TTL_MS": 86_400_000,
    "CLAIM_SKIPS": 100,
    "TICK_BATCH": 50,
    "TICK_GAP_MS": 3_000,
    "RATES_KEPT_MS": 900_000,
    "RESERVED_MS": 30_000,
    "USED_EVERY_MS": 60_000,
    "TERM_WORDS": 9,
}
COMMENT = re.compile(r"^ *--[^\n]*\n|  --[^\n]*", re.MULTILINE)
STRING = re.compile(r"'[^'\n]*'")
WORD = re.compile(r"\w+")
DEFINITION = re.compile(r"^local (?:function )?(?P<name>\w+).*?(?=^local |\Z)", re.MULTILINE | re.DOTALL)
#: The keys without parts, which have no call.
KEY_NAME = re.compile("|".join(rf"\b{key.name}\b" for key in Key if "{}" not in key.value))
KEY_CALL = re.compile(r"\b(?P<key>\w+)_key\((?P<parts>[^()]*)\)")


@dataclass(frozen=True, eq=False)
class Script:
    """A verb, by the name of its file in ``lua/``."""

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
    """Return a verb as Redis runs it."""
    text = write_keys(source_of(name), layout)
    return Compiled(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def source_of(name: str) -> str:
    """Return a verb behind all that it uses; keys are still names and calls."""
    verb, shared = read_code(name), definitions()
    return "\n".join((*(shared[name] for name in find_used(verb, shared, set())), verb))


@cache
def definitions() -> dict[str, str]:
    """Return all shared definitions by their names."""
    found = {name: f"local {name} = {value}" for name, value in CONSTANTS.items()}
    for name in shared_files():
        found |= {match["name"]: match[0].rstrip() for match in DEFINITION.finditer(read_code(name))}
    return found


def find_used(text: str, shared: Mapping[str, str], seen: set[str]) -> Iterator[str]:
    """Name the definitions that a text uses, directly or through others; each after those that it uses."""
    for name in WORD.findall(STRING.sub("", text)):
        if name in shared and name not in seen:
            seen.add(name)
            yield from find_used(shared[name], shared, seen)
            yield name


def write_keys(source: str, layout: Layout) -> str:
    """Return the text with the keys of a layout in place of their names and calls, and with its version."""
    source = source.replace("LAYOUT_VERSION", str(layout.version))
    text = KEY_NAME.sub(lambda name: f"'{layout.key(Key[name[0]])}'", source)
    return KEY_CALL.sub(lambda call: join_key(Key[call["key"].upper()], call["parts"], layout), text)


def join_key(key: Key, parts: str, layout: Layout) -> str:
    """Return the Lua expression that builds a key of its parts."""
    first, *pieces = key.value.split("{}")
    words = [f"'{layout.prefix}{first}'"]
    for part, piece in zip(parts.split(","), pieces, strict=True):
        words += [part.strip(), f"'{piece}'"] if piece else [part.strip()]
    return f"({' .. '.join(words)})"


def verbs() -> list[str]:
    """List the verbs of the ledger: the files of ``lua/`` itself."""
    return sorted(file.name.removesuffix(".lua") for file in LUA.iterdir() if file.is_file())


def shared_files() -> list[str]:
    """List the files of shared definitions, with their folders."""
    folders = (folder for folder in LUA.iterdir() if folder.is_dir())
    return sorted(f"{folder.name}/{file.name}"[:-4] for folder in folders for file in folder.iterdir())


def read_lua(name: str) -> str:
    """Read one file of ``lua/``."""
    return (LUA / f"{name}.lua").read_text(encoding="utf-8")


def read_code(name: str) -> str:
    """Read one file of ``lua/`` without its comments, whose words would look like names."""
    return COMMENT.sub("", read_lua(name))
