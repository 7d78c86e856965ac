"""`jobline worker --processes N`: several workers side by side, kept alive until a signal ends them all."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from jobline.cli.supervision.check import check_ledger, check_start
from jobline.cli.supervision.child import Spec
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.signals import run_until_stopped
from jobline.cli.supervision.supervisor import Supervisor
from jobline.domain.settings import read_settings

#: Seconds that a worker needs beyond the grace of its jobs, to release the rest and to end.
ENDING_S = 5.0


def run_workers(commands: Sequence[Sequence[str]]) -> None:
    """Run one worker for each command; a first signal stops them together, each with its grace time."""
    console = Console(sys.stdout)
    run_until_stopped(keep(commands, read_settings().stop_grace_s + ENDING_S, console), console)


async def keep(commands: Sequence[Sequence[str]], grace_s: float, console: Console) -> None:
    """Keep every worker alive until this is cancelled; raises DeclarationError or LedgerUnusable."""
    await check_start({}, console.say_own)
    await asyncio.to_thread(check_ledger)
    with tempfile.TemporaryDirectory(prefix="jobline-workers-") as directory:
        async with Supervisor(Path(directory), console) as supervisor:
            workers = [
                supervisor.start(Spec(f"worker {number}", tuple(command), grace_s))
                for number, command in enumerate(commands, 1)
            ]
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.gather(*(worker.stop() for worker in workers))
