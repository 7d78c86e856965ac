"""Commands of operators: queues and workers, and pausing a queue."""

from __future__ import annotations

from typing import Annotated

import typer

from jobline.cli.client import Json, open_client
from jobline.cli.options import DEFAULT_URL, AsJson, Url, print_json, print_table, report

QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue.")]


def list_queues(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the queues with their jobs: waiting, scheduled and running."""
    with open_client(url) as api:
        answer = api.queues()
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            queue["name"],
            "paused" if queue["paused"] else "",
            queue["depth"],
            queue["scheduled"],
            queue["running"],
            seconds(queue["oldest_age_s"]),
        )
        for queue in answer["items"]
    ]
    print_table(("QUEUE", "", "WAITING", "SCHEDULED", "RUNNING", "OLDEST"), rows)


def list_workers(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the workers that are alive, with their slots and queues."""
    with open_client(url) as api:
        answer = api.workers()
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            worker["hostname"],
            f"{worker['busy']}/{worker['capacity']}",
            ", ".join(worker["queues"]),
            seconds(worker["heartbeat_age_s"]),
        )
        for worker in answer["items"]
    ]
    print_table(("WORKER", "BUSY", "QUEUES", "HEARTBEAT"), rows)


def pause(queue: QueueName, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Pause a queue: its jobs wait, and running ones go on."""
    with open_client(url) as api:
        show(api.pause(queue), as_json=as_json)


def resume(queue: QueueName, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Resume a paused queue."""
    with open_client(url) as api:
        show(api.resume(queue), as_json=as_json)


def show(queue: Json, *, as_json: bool) -> None:
    """Show whether a queue is paused."""
    if as_json:
        print_json(queue)
    elif queue["paused"]:
        report(f"{queue['name']} is paused, {queue['depth']} jobs wait: jobline resume {queue['name']}")
    else:
        report(f"{queue['name']} is not paused, {queue['depth']} jobs wait")


def seconds(age_s: float | None) -> str:
    """Return an age for people."""
    return "" if age_s is None else f"{age_s:.0f} s ago"
