"""What a supervisor checks before it starts anything: settings, task modules, the ledger's version.

A worker and an API that cannot load their tasks would both say so, and be started again and again; so would a
worker that finds a ledger of another version. A supervisor asks here first. The tasks are loaded in a process
that is new each time, so it sees modules as they are now.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobline.domain.errors import DeclarationError, LedgerUnavailable, LedgerUnusable
from jobline.domain.settings import read_settings

COMMAND = (sys.executable, "-P", "-m", "jobline.startup")


@dataclass(frozen=True)
class Check:
    """What a process would load."""

    #: The JSON Schema of each task's input, by the task's name. Any: JSON.
    tasks: dict[str, dict[str, Any]]
    #: The folders of the tasks' modules.
    folders: tuple[Path, ...]


async def check_start(environment: Mapping[str, str], warn: Callable[[str], object]) -> Check:
    """Return the tasks on offer; raises DeclarationError, with the reason, when they cannot be loaded.

    ``warn`` is told of variables that nobody reads.
    """
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    lines = [line.removeprefix("jobline: ") for line in errors.decode(errors="replace").splitlines()]
    if process.returncode:
        raise DeclarationError("\n".join(lines))
    for line in lines:
        warn(line)
    found = json.loads(output.splitlines()[-1])  # what a module prints as it is imported comes before
    return Check(found["tasks"], tuple(Path(folder) for folder in found["folders"]))


def check_ledger(redis_url: str | None = None) -> None:
    """Raise LedgerUnusable if the ledger (of the settings, or of this Redis) has another version."""
    from jobline.ledger.connect import Connector
    from jobline.ledger.recorder import Recorder

    settings = read_settings()
    if redis_url:
        settings = settings.model_copy(update={"redis_url": SecretStr(redis_url)})
    recorder = Recorder(Connector.of(settings))
    try:
        recorder.check_version()
    except LedgerUnusable:
        raise
    except LedgerUnavailable:
        return  # the programs wait for Redis, and check then
    finally:
        recorder.close()
