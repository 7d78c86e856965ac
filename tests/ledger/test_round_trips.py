"""Each verb is one EVALSHA on the wire, however many jobs it moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from tests.support.ledger import Ledger

#: Of each verb: what stands before it, and itself.
Scene = tuple[Callable[[Ledger], Any], Callable[[Ledger, Any], object]]


def some_waiting(ledger: Ledger) -> None:
    for _ in range(20):
        ledger.submit()


def some_running(ledger: Ledger) -> list[Any]:
    some_waiting(ledger)
    return ledger.claim(slots=20)


SCENES: dict[str, Scene] = {
    "submit": (lambda _: None, lambda ledger, _: ledger.submit(tags=("a",), idempotency="k", delay_ms=5)),
    "claim": (some_waiting, lambda ledger, _: ledger.claim(slots=20)),
    "settle": (some_running, lambda ledger, jobs: ledger.succeed(jobs[0], {"a": 1})),
    "retry": (some_running, lambda ledger, jobs: ledger.retry(jobs[0], 5)),
    "renew": (some_running, lambda ledger, jobs: ledger.renew(*jobs)),
    "release": (some_running, lambda ledger, jobs: ledger.release(*jobs)),
    "cancel": (lambda ledger: ledger.submit(), lambda ledger, job_id: ledger.cancel(job_id)),
    "report": (some_running, lambda ledger, jobs: ledger.report(jobs[0], {"done": 1})),
    "tick": (some_running, lambda ledger, _: ledger.tick()),
    "read": (lambda ledger: ledger.submit(), lambda ledger, job_id: ledger.read(job_id)),
    "list": (some_waiting, lambda ledger, _: ledger.page()),
}


def on_the_wire(ledger: Ledger, act: Callable[[], object]) -> list[str]:
    """Return the commands that clients send while something is done, without those of scripts."""
    found: list[str] = []
    address = ledger.redis.connection_pool.connection_kwargs
    with redis.Redis(host=address["host"], port=address["port"]) as other, other.monitor() as monitor:
        act()
        ledger.redis.echo("done")
        for seen in monitor.listen():
            name = seen["command"].split()[0].upper()
            if name == "ECHO":
                return found
            if seen["client_type"] != "lua":
                found.append(name)
    return found


@pytest.mark.parametrize("verb", SCENES)
def test_verb_is_one_round_trip(ledger: Ledger, verb: str) -> None:
    before, act = SCENES[verb]
    act(ledger, before(ledger))  # teaches Redis the script
    ledger.redis.flushdb()
    scene = before(ledger)
    assert on_the_wire(ledger, lambda: act(ledger, scene)) == ["EVALSHA"]


def test_unknown_script_is_sent_in_full_once(ledger: Ledger) -> None:
    ledger.tick()  # opens the connection
    ledger.redis.script_flush()
    assert on_the_wire(ledger, ledger.submit) == ["EVALSHA", "EVAL"]
    assert on_the_wire(ledger, ledger.submit) == ["EVALSHA"]


def calls(ledger: Ledger, command: Command[Any]) -> int:
    """Count the commands that one script calls."""
    ledger.redis.config_resetstat()
    ledger.run(command)
    stats: dict[str, Any] = ledger.redis.info("commandstats")
    return sum(one["calls"] for one in stats.values())


@pytest.mark.parametrize(
    "command", [commands.queues.read_queue("default", ["demo.add"]), commands.queues.list_queues()]
)
def test_looking_at_queues_costs_nothing_for_tenants_of_the_past(
    ledger: Ledger, command: Command[Any]
) -> None:
    def work(tenants: int) -> int:
        for number in range(tenants):
            ledger.succeed(ledger.start(tenant=f"t{number}"))
        ledger.claim()  # a tenant with nothing left leaves the rotation
        ledger.run(command)  # teaches Redis the script
        return calls(ledger, command)

    assert work(2) == work(50)
