"""``make profile``: flame graphs of a busy API and of a busy worker, into ``build/profile``.

py-spy looks at the process from outside, 250 times a second: what it shows is what ran, not what was traced.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis

from benchmarks.lab import HERE, Lab, Unmeasured, peer, port
from benchmarks.load import post
from benchmarks.submit import JOBLINE, OWN_BODY, OWN_PATH
from benchmarks.worker import fill
from jobline.cli.embedded import EmbeddedRedis
from jobline.cli.supervision.engine import LogLevel, Pool, celery_command, celery_environment

OUTPUT = HERE.parent / "build" / "profile"
#: Counted from the program's start.
SECONDS = 10
LOADED_S = 6
#: py-spy ends its program when it has seen enough of it; then it writes the picture.
WRITE_S = 20.0
RATE = "250"
WAITING = 100_000


def main() -> None:
    """Draw both."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="jobline-profile-") as directory,
        EmbeddedRedis(Path(directory) / "redis") as server,
        redis.Redis.from_url(server.url) as client,
    ):
        lab = Lab(server, Path(directory), rounds=1, seconds=SECONDS, scale=1, redis=client)
        try:
            draw_submit(lab)
            lab.empty()
            draw_worker(lab)
        except Unmeasured as error:
            sys.exit(f"no profile: {error}")


def draw_submit(lab: Lab) -> None:
    """Profile one API process under the load of `benchmarks.submit`."""
    listening = port()
    url = f"http://127.0.0.1:{listening}{OWN_PATH}"
    command = recorded("submit", (*JOBLINE, "api", "--port", str(listening)))
    with lab.process(command) as api:
        api.wait_for_port(listening)
        post([url], OWN_BODY, LOADED_S)
        api.process.wait(WRITE_S)
    print(f"written: {OUTPUT / 'submit.svg'}")


def draw_worker(lab: Lab) -> None:
    """Profile one worker of the light pool, as it works off what waits."""
    fill(lab, "bench.noop", WAITING)
    command = recorded("worker", celery_command(pool=Pool.LIGHT, loglevel=LogLevel.ERROR, quiet=True))
    draw(lab, command, celery_environment(Pool.LIGHT))
    print(f"written: {OUTPUT / 'worker.svg'}")


def draw(lab: Lab, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a recorded program until its picture is written."""
    with lab.process(command, environment) as running:
        running.process.wait(SECONDS + WRITE_S)


def recorded(name: str, command: Sequence[str]) -> tuple[str, ...]:
    """Write the command that runs a program under py-spy."""
    spy = Path(peer("profile")).with_name("py-spy")
    options = ("--format", "flamegraph", "--rate", RATE, "--duration", str(SECONDS))
    return (str(spy), "record", *options, "--output", str(OUTPUT / f"{name}.svg"), "--", *command)


if __name__ == "__main__":
    main()
