"""A command: one call of a script, and how its reply reads; and what all commands share.

A reply is a word (``deleted``), or a list that begins with a word and has what belongs to it, or a list of
names and values in turn (a record). A list of fixed length is unpacked into names in one statement.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from jobline.domain.errors import Gone, NotFound, Refused
from jobline.ledger.scripts import Script

T = TypeVar("T")

logger = logging.getLogger(__name__)

# A reply is what redis-py read: bytes, int and nested lists; each reader below gives it its type.
Reply = Any
Argument = str | bytes | int


class Command(NamedTuple, Generic[T]):
    """One call of a script. A tuple, as `Submission` is: one is made for each."""

    script: Script
    args: tuple[Argument, ...]
    read: Callable[[Reply], T]


def refuse_missing(id: str, word: bytes, what: str = "job") -> None:
    """Raise NotFound or Gone if that is the word of the reply."""
    if word == b"unknown":
        raise NotFound(f"There is no {what} {id}.", about=id)
    if word == b"gone":
        raise Gone(f"The {what} {id} has expired.", about=id)


def read_each(items: Iterable[Reply], read: Callable[[Reply], T]) -> list[T]:
    """Read the items of a list; one that no program of Jobline wrote is logged, and the others are read."""
    found = []
    for item in items:
        try:
            found.append(read(item))
        except (Refused, LookupError, ValueError, TypeError, AttributeError) as error:
            logger.warning("Skipped a damaged record: %s: %s", type(error).__name__, error)
    return found


def text(number: int | None) -> str:
    """Return an optional number as scripts take it."""
    return "" if number is None else str(number)


def flat(attempts: Iterable[tuple[str, int]]) -> tuple[Argument, ...]:
    """Return ``(job id, fence)`` pairs one after the other."""
    return tuple(part for attempt in attempts for part in attempt)


def words(reply: Reply) -> list[str]:
    """Read a list of words."""
    return [word.decode() for word in reply]
