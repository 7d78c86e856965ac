"""The scripts against the model; and proof that the machine would notice: a defect planted in each script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from jobline.ledger.scripts import source_of, verbs
from tests.model.defects import DEFECTS
from tests.model.moves import LedgerMachine, Part

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
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=200))


@pytest.mark.parametrize(("parts", "script", "right", "wrong"), DEFECTS)
def test_a_planted_defect_is_found(
    ledger: redis.Redis, parts: Part, script: str, right: str, wrong: str
) -> None:
    assert source_of(script).count(right) == 1, "the planted defect has nothing to stand in for"
    changes = {
        "ledger": ledger,
        "shas": {},
        "mutation": (script, right, wrong),
        "parts": parts,
    }
    broken = type("Broken", (LedgerMachine,), changes)
    few = settings(
        QUICK, max_examples=300, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises((AssertionError, AttributeError, KeyError, redis.ResponseError)):
        run_state_machine_as_test(broken, settings=few)


def test_every_verb_is_played_and_has_a_planted_defect() -> None:
    elsewhere = {
        "add_access",
        "read_access",
        "list_access",
        "delete_access",
        "count_requests",
        "probe",
        "version",
    }  # no jobs in them
    assert {script for _, script, _, _ in DEFECTS} == {*verbs()} - elsewhere
