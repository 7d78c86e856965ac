"""A look at the settings and task modules, in a process of its own, before anything is started with them.

A worker and an API that cannot load their tasks would both say so, and be started again and again. A
supervisor asks here first; and as the process is new each time, it sees modules as they are now.
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

from jobline.domain.errors import DeclarationError

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
