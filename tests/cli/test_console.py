from __future__ import annotations

import io

from jobline.cli.supervision.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class HungUp(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_each_line_has_its_speaker() -> None:
    stream = io.StringIO()
    Console(stream).say("api", "one\n\ntwo")
    assert stream.getvalue() == "api     | one\napi     |\napi     | two\n"


def test_colour_is_for_terminals_alone() -> None:
    stream = Terminal()
    Console(stream).say("api", "one")
    assert stream.getvalue() == "\033[32mapi     |\033[0m one\n"


def test_muted_voice_is_heard_when_it_matters() -> None:
    stream = io.StringIO()
    console = Console(stream, muted=frozenset({"api"}))
    console.say("api", "the reason")
    assert stream.getvalue() == ""
    console.replay()
    assert stream.getvalue() == "api     | the reason\n"


def test_hang_up_is_told_and_does_not_raise() -> None:
    told: list[bool] = []
    console = Console(HungUp())
    console.on_hang_up = lambda: told.append(True)
    console.say_own("anybody there?")
    assert told == [True]
