"""`jobline dev --reload`: new processes with the new code, while Redis and all jobs stay.

A change is checked before anything is stopped, so a file with an error in it costs nothing but a line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from jobline.cli.supervision.check import check_start
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.stack import Stack
from jobline.domain.errors import DeclarationError

#: Saves that come together, as of an editor or of git, are one change.
SETTLE_MS = 200


async def reload_on_changes(stack: Stack, console: Console) -> None:
    """Restart API and worker whenever a Python file beside the tasks changes; returns only when cancelled."""
    from watchfiles import PythonFilter, awatch

    folders = watched_folders(stack.check.folders)
    console.say_own(f"watching {', '.join(str(folder) for folder in folders)}")
    async for changes in awatch(*folders, watch_filter=PythonFilter(), debounce=SETTLE_MS, step=50):
        await reload(stack, console, {Path(path).name for _, path in changes})


async def wait_for_change(folder: Path) -> None:
    """Return when a Python file in the folder has changed."""
    from watchfiles import PythonFilter, awatch

    async for _ in awatch(folder, watch_filter=PythonFilter(), debounce=SETTLE_MS, step=50):
        return


async def reload(stack: Stack, console: Console, changed: Iterable[str]) -> None:
    """Restart API and worker with the code as it is; where it does not load, say why and change nothing."""
    began = time.monotonic()
    try:
        stack.check = await check_start(stack.environment, console.say_own)
    except DeclarationError as error:
        console.say_own(f"not reloaded: {error}")
        return
    console.say_own(f"reloading: {', '.join(sorted(changed))}")
    await asyncio.gather(*(shell.restart() for shell in stack.shells))
    await stack.wait_until_ready()
    console.say_own(f"reloaded in {time.monotonic() - began:.1f} s")


def watched_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders to watch; the working directory stands for all in it, as tasks import neighbours."""
    here = Path.cwd()
    found = {here if folder.is_relative_to(here) else folder for folder in folders}
    return sorted(folder for folder in found if not any(other in folder.parents for other in found))
