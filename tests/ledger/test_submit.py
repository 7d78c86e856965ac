"""submit: what it stores and refuses, and that it does all or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.state import State
from jobline.domain.submission import digest
from jobline.ledger.commands.submitting import Submitted
from jobline.ledger.keys import Key
from tests.support.ledger import TENANT, Ledger

FILE = "file_" + "1" * 32


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"delay_ms": 5_000, "priority": 9},
        {"run_at_ms": 4_000_000_000_123},
        {"run_at_ms": 1},
        {"expires_in_ms": 5_000, "tags": ("a", "ü", "with space")},
        {"delay_ms": 0, "queue": "media", "timeout_ms": 1, "input": '{"ä": []}'.encode()},
    ],
)
def test_receipt_is_what_the_ledger_holds(ledger: Ledger, fields: dict[str, Any]) -> None:
    order = ledger.order(**fields)
    receipt = ledger.send(order)
    assert receipt.outcome is Submitted.CREATED
    assert receipt.record == ledger.read(order.id)
    assert ledger.events(order.id) == ["job.created"]


def test_same_id_again_is_the_same_job(ledger: Ledger) -> None:
    order = ledger.order()
    first = ledger.send(order)
    before = ledger.snapshot()
    second = ledger.send(order)
    assert (second.outcome, second.record) == (Submitted.REPLAYED, first.record)
    assert ledger.snapshot() == before


def test_same_key_and_request_is_the_first_job_as_it_is_now(ledger: Ledger) -> None:
    key = digest(TENANT, "demo.add", "key")
    first = ledger.submit(idempotency=key, fingerprint="f")
    (job,) = ledger.claim()
    again = ledger.send(ledger.order(idempotency=key, fingerprint="f"))
    assert again.outcome is Submitted.REPLAYED
    assert again.record is not None
    assert (again.record.id, again.record.state) == (first, State.STARTED)
    ledger.succeed(job)
    ended = ledger.send(ledger.order(idempotency=key, fingerprint="f"))
    assert ended.record is not None
    assert ended.record.state is State.SUCCESS


def test_same_key_with_another_request_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    first = ledger.submit(idempotency="k", fingerprint="f")
    before = ledger.snapshot()
    refused = ledger.send(ledger.order(idempotency="k", fingerprint="other"))
    assert (refused.outcome, refused.about) == (Submitted.REUSED, first)
    assert ledger.snapshot() == before


def test_key_is_free_again_when_its_job_is_forgotten(ledger: Ledger) -> None:
    first = ledger.submit(idempotency="k", fingerprint="f")
    (job,) = ledger.claim()
    ledger.succeed(job)
    ledger.let_pass(Key.FINISHED.of(), first)
    ledger.tick()
    assert ledger.send(ledger.order(idempotency="k", fingerprint="other")).outcome is Submitted.CREATED


def test_full_queue_takes_no_more_and_counts_scheduled_jobs(ledger: Ledger) -> None:
    ledger.submit()
    ledger.submit(delay_ms=60_000)
    before = ledger.snapshot()
    assert ledger.send(ledger.order(idempotency="k"), queue_limit=2).outcome is Submitted.FULL
    assert ledger.snapshot() == before
    assert ledger.send(ledger.order(queue="other"), queue_limit=2).outcome is Submitted.CREATED
    ledger.claim()
    assert ledger.send(ledger.order(idempotency="k"), queue_limit=2).outcome is Submitted.CREATED


def test_full_queue_still_answers_a_replay(ledger: Ledger) -> None:
    ledger.submit(idempotency="k", fingerprint="f")
    again = ledger.send(ledger.order(idempotency="k", fingerprint="f"), queue_limit=1)
    assert again.outcome is Submitted.REPLAYED


def test_unknown_file_is_refused_and_nothing_is_stored(ledger: Ledger) -> None:
    refused = ledger.send(ledger.order(files=(FILE,), idempotency="k"))
    assert (refused.outcome, refused.about) == (Submitted.NO_FILE, FILE)
    assert ledger.keys() == set()


def test_expired_file_is_refused_as_gone(ledger: Ledger) -> None:
    ledger.add_file(FILE)
    ledger.let_pass(Key.FILES.of(), FILE)
    ledger.tick()
    refused = ledger.send(ledger.order(files=(FILE,)))
    assert (refused.outcome, refused.about) == (Submitted.GONE_FILE, FILE)


def test_full_memory_refuses_a_submit_and_keeps_nothing_of_it(ledger: Ledger) -> None:
    ledger.submit()
    before = ledger.snapshot()
    ledger.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(LedgerUnavailable, match=r"submit: .*maxmemory"):
            ledger.submit(tags=("a",), idempotency="k")
    finally:
        ledger.redis.config_set("maxmemory", "0")
    assert ledger.snapshot() == before
    ledger.submit(tags=("a",), idempotency="k")
