"""A look at the settings and task modules, in a process of its own, before anything is started with them.

A worker and an API that cannot load their tasks would both say so, and be started again and again. Whoever
supervises them asks here first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from jobline.domain.errors import DeclarationError

COMMAND = (sys.executable, "-P", "-m", "jobline.startup")


async def check_start(environment: Mapping[str, str]) -> None:
    """Return when settings and tasks can be loaded; raises DeclarationError, with the reason, otherwise."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise DeclarationError(errors.decode(errors="replace").strip().removeprefix("jobline: "))
