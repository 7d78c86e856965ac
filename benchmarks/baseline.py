"""Print what was counted beside what was accepted, or accept it: the command of `costs` and of `calls`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jobline.cli.embedded import EmbeddedRedis

T = TypeVar("T")


def print_or_accept(
    baseline: Path,
    measure: Callable[[str, Path], dict[str, T]],
    read: Callable[[], Mapping[str, T]],
    write: Callable[[dict[str, T]], Any],  # Any: what JSON holds
) -> None:
    """Run ``python -m benchmarks.NAME [--write]``: ``measure`` gets an empty Redis and a directory.

    ``read`` gives what stands in the ``baseline``, ``write`` what is to stand there, as JSON.
    """
    name = baseline.stem
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=f"Count {name}.")
    parser.add_argument("--write", action="store_true", help="accept what is counted now")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, EmbeddedRedis(Path(directory) / "redis") as server:
        found = measure(server.url, Path(directory))
    accepted = read() if baseline.exists() else {}
    for path, count in found.items():
        print(f"{path}: {count} (accepted: {accepted.get(path)})")
    if options.write:
        baseline.write_text(json.dumps(write(found), indent=2) + "\n")
