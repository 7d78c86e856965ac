"""`jobline dev`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Annotated, TypeVar

import typer

from jobline.cli.api import check_port
from jobline.cli.embedded import external_url
from jobline.cli.supervision.stack import HOST, Plan, Stack, open_stack
from jobline.cli.supervision.voice import Voice
from jobline.domain.settings import read_settings

Outcome = TypeVar("Outcome")

FIRST_JOB = "demo.countdown"
FIRST_INPUT = '{"input": {"seconds": 3}}'
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def dev(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The API's port.")] = 8000,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, help="Jobs at a time; unset, one a CPU.")
    ] = None,
) -> None:
    """Run Redis, a worker and the API here, until Ctrl-C; a second Ctrl-C does not wait."""
    began = time.monotonic()
    settings = read_settings()
    check_port(HOST, port)
    plan = Plan(settings.data_dir, port, settings.stop_grace_s, concurrency, redis_url=external_url())
    voice = Voice(sys.stdout)
    run_until_stopped(serve(plan, voice, began), voice)


async def serve(plan: Plan, voice: Voice, began: float) -> None:
    """Start, say so, and wait to be cancelled."""
    voice.say_own("starting")
    try:
        async with open_stack(plan, voice) as stack:
            await stack.wait_until_ready()
            voice.say_own(greeting(stack, plan, time.monotonic() - began))
            await asyncio.Event().wait()
    finally:
        voice.say_own("stopped")


def run_until_stopped(work: Coroutine[None, None, Outcome], voice: Voice) -> Outcome | None:
    """Run a coroutine until it ends, or a signal ends it: a planned end, which gives None.

    The first signal cancels it, and its clean-up takes its time; another cancels the clean-up's waiting.
    """

    async def run() -> Outcome | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, task.cancel)
        voice.on_hang_up = task.cancel
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        return None

    try:
        return asyncio.run(run())
    finally:
        voice.close()


def greeting(stack: Stack, plan: Plan, seconds: float) -> str:
    """Write what to do first."""
    return f"""\
ready in {seconds:.1f} s

  API docs   {stack.url}/docs
  ledger     {stack.redis_url} (data in {plan.data_dir})

A first job:
  curl -s {stack.url}/v1/tasks/{FIRST_JOB}/jobs -H 'Content-Type: application/json' -d '{FIRST_INPUT}'
or
  jobline submit {FIRST_JOB} --watch --seconds 3 --url {stack.url}

Ctrl-C stops everything."""
