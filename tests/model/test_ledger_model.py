"""The scripts against the model; and proof that the machine would notice: a defect planted in each script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from jobs.scripts import Script, Verb
from tests.model.machine import FILES, READS, LedgerMachine

#: script, text, and what a tired author might have written instead
DEFECTS = [
    ("submit", "if is_other then", "if false then"),
    ("submit", "    redis.call('ZREM', FILES, file)\n", ""),
    ("claim", "tonumber(job.start_by) <= ms", "tonumber(job.start_by) < ms - 1000000000000"),
    ("claim", "job.fence = job.attempt + 1, job.fence + 1", "job.fence = job.attempt + 1, job.fence"),
    ("renew", "elseif v[1] == 'STARTED' then", "else"),
    (
        "settle",
        "if job.state ~= 'STARTED' or whole(job.fence) ~= ARGV[2] then",
        "if job.state ~= 'STARTED' then",
    ),
    ("settle", "if state == 'RETRY' and job.cancel then state = 'REVOKED' end", ""),
    ("settle", "    redis.call('HINCRBY', QUEUES, job.queue, 1)\n", ""),
    (
        "lose",
        "if job.state ~= 'STARTED' or whole(job.fence) ~= ARGV[2] then",
        "if job.state ~= 'STARTED' then",
    ),
    ("cancel", "  leave_queue(job)\n", ""),
    ("release", "job.attempt = job.attempt - 1\n", "job.attempt = job.attempt\n"),
    ("report", "if v[1] ~= 'STARTED' or v[2] ~= ARGV[2] then", "if v[1] ~= 'STARTED' then"),
    ("tick", "if ms >= tonumber(redis.call('HGET', TICK, 'hold') or 0) then", "if true then"),
    ("tick", "    redis.call('ZREM', due_key(queue), id)\n", ""),
    ("read", "if not job or job.tenant ~= tenant then", "if not job then"),
    ("list", "if heads[child].stamp <= head.stamp then break end", "if true then break end"),
    ("keep_file", "whole(ms + tonumber(ARGV[7]))", "whole(ms)"),
    (
        "read_file",
        "local mine = redis.call('HGET', file_key(id), 'tenant') == tenant",
        "local mine = #record > 0",
    ),
    ("drop_file", "if v[3] or tonumber(v[2] or 0) > 0 then return 'in-use' end", ""),
    ("trash", "if #ARGV > 0 then redis.call('SREM', TRASH, unpack(ARGV)) end", ""),
    ("workers", "{ name, v[1], v[2] }", "{ name, reply[1], v[2] }"),
]
#: Which rules matter for a defect, beside those that move jobs.
FOCUS = {
    **dict.fromkeys(("read", "list", "workers"), frozenset({READS})),
    **dict.fromkeys(("submit", "keep_file", "read_file", "drop_file", "trash"), frozenset({FILES})),
}
QUICK = settings(
    deadline=None,
    database=None,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@pytest.fixture
def ledger(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_the_scripts_make_the_legal_moves_alone(ledger: redis.Redis) -> None:
    machine = type("Machine", (LedgerMachine,), {"ledger": ledger, "shas": {}})
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=60))


@pytest.mark.parametrize(("script", "right", "wrong"), DEFECTS)
def test_a_planted_defect_is_found(ledger: redis.Redis, script: str, right: str, wrong: str) -> None:
    assert Script(script).text.count(right) == 1, "the planted defect has nothing to stand in for"
    changes = {
        "ledger": ledger,
        "shas": {},
        "mutation": (script, right, wrong),
        "focus": FOCUS.get(script, frozenset()),
    }
    broken = type("Broken", (LedgerMachine,), changes)
    few = settings(
        QUICK, max_examples=300, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises((AssertionError, AttributeError, KeyError, redis.ResponseError)):
        run_state_machine_as_test(broken, settings=few)


def test_every_verb_that_the_machine_plays_has_a_planted_defect() -> None:
    played = {"submit", "claim", "renew", "settle", "lose", "cancel", "release", "report", "tick"}
    looked = {"read", "list", "keep_file", "read_file", "drop_file", "trash", "workers"}
    assert {script for script, _, _ in DEFECTS} == played | looked
    assert played | looked <= {verb.value.name for verb in Verb}
