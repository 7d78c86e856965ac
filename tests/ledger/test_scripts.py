from __future__ import annotations

import inspect
import re

import pytest
import redis

from jobline.ledger import commands
from jobline.ledger.keys import DEFAULT_LAYOUT, Key
from jobline.ledger.scripts import (
    CONSTANTS,
    STRING,
    Script,
    definitions,
    read_code,
    read_lua,
    scripts_of,
    shared_files,
    verbs,
    write_keys,
)

VERBS = verbs()
SCRIPTS = scripts_of(DEFAULT_LAYOUT)
FILES = [*VERBS, *shared_files()]
#: A template with a fixed name holds one key; others take parts.
PARTS = ("a", "b", "c")


def arguments(key: Key) -> tuple[str, ...]:
    return PARTS[: key.value.count("{}")]


def comments_before(members: type) -> dict[str, str]:
    """Read the ``#:`` lines right above each member of an enum."""
    found: dict[str, str] = {}
    lines: list[str] = []
    for line in inspect.getsource(members).splitlines():
        if line.strip().startswith("#:"):
            lines.append(line.strip()[2:].strip())
        elif match := re.match(r"    ([A-Z_]+) = ", line):
            found[match[1]] = " ".join(lines)
            lines = []
        else:
            lines = []
    return found


def test_every_key_says_its_type_and_its_end() -> None:
    notes = comments_before(Key)
    assert set(notes) == {key.name for key in Key}
    kinds = ("hash", "list", "string", "zset", "set", "stream", "channel")
    assert [name for name, note in notes.items() if not note.startswith(kinds)] == []


def test_no_two_keys_can_collide() -> None:
    heads = [key.value.partition("{")[0] for key in Key]
    assert len(set(heads)) == len(heads)
    assert not [
        (one, other)
        for one in heads
        for other in heads
        if one != other and other.startswith(one) and one.endswith(":")
    ]


@pytest.mark.parametrize("key", [key for key in Key if arguments(key)], ids=lambda key: key.name)
def test_lua_builds_the_same_key(key: Key, redis_url: str) -> None:
    parts = arguments(key)
    call = f"{key.name.lower()}_key({', '.join(f'ARGV[{index + 1}]' for index in range(len(parts)))})"
    with redis.Redis.from_url(redis_url) as client:
        assert client.eval(write_keys(f"return {call}", DEFAULT_LAYOUT), 0, *parts) == key.of(*parts).encode()


def test_shared_names_are_unique() -> None:
    code = "\n".join(read_code(name) for name in shared_files())
    names = re.findall(r"^local (?:function )?(\w+)", code, re.MULTILINE)
    assert sorted([*names, *CONSTANTS]) == sorted(definitions())


@pytest.mark.parametrize("name", VERBS)
def test_script_defines_each_name_before_its_use(name: str) -> None:
    """Redis would find a missing name only when a job comes that way."""
    code = STRING.sub("''", SCRIPTS[Script(name)].text)
    defined = set(re.findall(r"^local (?:function )?(\w+)", code, re.MULTILINE))
    for shared in definitions():
        first = re.search(rf"(?<![.\w]){shared}\b", code)
        if first is not None:
            assert shared in defined
            assert re.search(r"local (function )?$", code[: first.start()]), f"{shared} is used too early"
    assert not re.search(r"_key\(", code), "a part of a key is a call"


def test_lua_has_no_more_locals_than_it_allows() -> None:
    """Lua 5.1 takes 200 in one function; a script is one."""
    for name in VERBS:
        assert len(re.findall(r"^local ", SCRIPTS[Script(name)].text, re.MULTILINE)) < 150


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_opens_with_its_contract(name: str) -> None:
    head = [line for line in read_lua(name).splitlines() if line.startswith("--")]
    text = read_lua(name)
    assert text.startswith(f"-- {name}: ")
    assert [line for line in head if re.match(r"-- ARGV (1|none)", line)], "its arguments"
    assert [line for line in head if line.startswith("-- reply ")], "its reply"
    has_events = bool(re.search(r"\bappend_(event|untrimmed)\(", SCRIPTS[Script(name)].text))
    assert has_events == any(line.startswith("-- event ") for line in head), "its events"


@pytest.mark.parametrize("name", VERBS)
def test_arguments_in_use_are_those_of_the_contract(name: str) -> None:
    text = read_lua(name)
    head = " ".join(line[2:].strip() for line in text.splitlines() if line.startswith("--"))
    contract = head.partition(" reply ")[0].partition("ARGV")[2]
    used = {int(number) for number in re.findall(r"ARGV\[(\d+)\]", text)}
    assert [
        number for number in used if not re.search(rf"\b{number}(…)? [a-zA-Z]|then pairs|then for", contract)
    ] == []


@pytest.mark.parametrize("name", FILES)
def test_no_script_puts_a_key_together(name: str) -> None:
    heads = tuple(key.value.partition("{")[0] for key in Key if arguments(key))
    assert [text for text in STRING.findall(read_code(name)) if text[1:].startswith(heads)] == []


@pytest.mark.parametrize("name", FILES)
def test_no_script_encodes_json_or_scans(name: str) -> None:
    code = read_code(name)
    assert "cjson.encode" not in code
    assert not re.search(r"'(KEYS|SCAN|SSCAN|HSCAN|ZSCAN|FLUSHALL|FLUSHDB)'", code)
    assert "KEYS[" not in code


def test_every_verb_has_one_command() -> None:
    modules = [module for name, module in vars(commands).items() if name in commands.__all__]
    scripts = [one for module in modules for one in vars(module).values() if isinstance(one, Script)]
    assert sorted(script.name for script in scripts) == VERBS


def test_sha_is_the_one_by_which_redis_knows_the_script(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for script in map(Script, VERBS):
            loaded = client.script_load(SCRIPTS[script].text)
            assert (loaded.decode() if isinstance(loaded, bytes) else loaded) == SCRIPTS[script].sha


def test_constants_fit_what_a_double_holds() -> None:
    """A rank is ``(9 - priority) * 2^49 + microseconds since EPOCH_US``, and must stay exact until 2043."""
    from datetime import UTC, datetime  # noqa: PLC0415

    assert CONSTANTS["EPOCH_US"] == datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000_000
    span = datetime(2043, 1, 1, tzinfo=UTC).timestamp() * 1_000_000 - CONSTANTS["EPOCH_US"]
    assert span < 2**49 == 562949953421312
    assert 9 * 2**49 + span < 2**53
