"""``python -m benchmarks [TABLE …] [--rounds N] [--seconds S] [--scale X] [--only WORD] [--dry]``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import redis

from benchmarks import asyncs, batch, growth, latency, lists, report, streams, submit, waiting, worker
from benchmarks.lab import Lab, Outcome
from jobline.cli.embedded import EmbeddedRedis


class Table(NamedTuple):
    """Name one measurement."""

    title: str
    text: str
    run: Callable[[Lab], list[Outcome]]


TABLES = {
    "submit": Table(
        "Submit over HTTP",
        "64 connections post a no-op job to one API process (two where the row says so), first as fast as it "
        "answers, then 2,000 times a second where it can; no worker runs. CPU is the processor time of the "
        "server's processes for one request, without Redis.",
        submit.run,
    ),
    "worker": Table(
        "Workers",
        "Two processes (unless the row says otherwise) work through 20,000 waiting no-op jobs. Time counts "
        "from the end of the first job, so the start does not count; a row is stopped after 30 s. CPU is the "
        "processor time of the workers' processes, parents included.",
        worker.run,
    ),
    "latency": Table(
        "Latency, idle",
        "One client submits and waits for the result, one job after the other. Jobline: `POST` with "
        "`Prefer: wait=5`.",
        latency.run,
    ),
    "async": Table(
        "Coroutines",
        "Jobs that sleep for 50 ms, 1,000 at once in one process. The sleep alone would allow 20,000 jobs/s.",
        asyncs.run,
    ),
    "waiting": Table(
        "Waiting clients",
        "Clients that wait for one job by `?wait=` on one API process.",
        waiting.run,
    ),
    "streams": Table(
        "Event streams",
        "Clients that follow events (server-sent events) on one API process.",
        streams.run,
    ),
    "growth": Table(
        "Growth",
        "The ledger's scripts, by the clock of Redis, with the given numbers of finished and waiting jobs "
        "stored.",
        growth.run,
    ),
    "lists": Table(
        "Lists",
        "Processor time of Redis for one page of the list, newest first, with a thousand and with a million "
        "jobs stored, for each filter and each pair of filters, measured in turns. Pages are as long as a "
        "thousand jobs allow.",
        lists.run,
    ),
    "bytes": Table(
        "Memory in Redis for each job",
        "Everything that Redis keeps for one no-op job, and its parts by kind of key. The feed of events is "
        "bounded, so beyond 100,000 events a job adds nothing to it.",
        growth.run_bytes,
    ),
    "batch": Table("Batches", "100 jobs in each request, one API process.", batch.run),
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each timed load")
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts, for a try")
    parser.add_argument(
        "--only", action="append", default=[], help="rows with this in their name; again for more"
    )
    parser.add_argument("--dry", action="store_true", help="print, and write no report")
    options = parser.parse_args()
    if unknown := set(options.tables) - set(TABLES):
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    with (
        tempfile.TemporaryDirectory(prefix="jobline-bench-") as directory,
        EmbeddedRedis(Path(directory) / "redis") as server,
        redis.Redis.from_url(server.url) as client,
    ):
        lab = Lab(
            server,
            Path(directory),
            options.rounds,
            options.seconds,
            options.scale,
            client,
            tuple(options.only),
        )
        for name in options.tables or TABLES:
            table = TABLES[name]
            print(table.title, flush=True)
            outcomes = table.run(lab)
            if options.dry:
                print(report.as_table([asdict(outcome) for outcome in outcomes if outcome.figures]))
            else:
                report.keep(lab, name, table.title, table.text, outcomes)
    if not options.dry:
        print(f"written: {report.PAGE}")


if __name__ == "__main__":
    main()
