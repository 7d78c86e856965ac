"""A look at the settings and task modules, in a process of its own, before anything is started with them.

A worker and an API that cannot load their tasks would both say so, and be started again and again. Whoever
supervises them asks here first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping

from jobline.domain.errors import DeclarationError

COMMAND = (sys.executable, "-P", "-m", "jobline.startup")


async def check_start(environment: Mapping[str, str], warn: Callable[[str], object]) -> list[str]:
    """Return the names of the tasks on offer; raises DeclarationError, with the reason, when there is one.

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
    return output.decode().split()
