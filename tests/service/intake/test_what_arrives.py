"""What a client sends is what its task gets: through HTTP, through a batch, and from Celery's clients."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from jobline.domain.errors import Unprocessable
from jobline.domain.registry import Registry
from jobline.domain.strictness import make_strict_validator
from jobline.domain.submission import Submission
from jobline.service.intake.batches import add_batch_key, make_batch, read_batch, split_jobs
from jobline.service.intake.jobs import add_key, make_submission, read_request
from jobline.service.shapes.batches import make_batch_request
from jobline.service.shapes.task_models import make_models
from jobline.worker.message import to_submission
from tests.support.tasks import kinds

Json = Any
REGISTRY = Registry.of(kinds.TASKS.values())
MODELS = {task.name: make_models(task) for task in REGISTRY}
BATCH = make_strict_validator(make_batch_request([models.batch_job for models in MODELS.values()]))
SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def by_http(model: type[BaseModel], sent: Json, key: str = "k") -> Submission:
    task, body = kinds.TASKS[model], json.dumps({"input": sent}).encode()
    request = read_request(MODELS[task.name], body)
    submission = make_submission(task, request, "public")
    return add_key(submission, key, request, body, MODELS[task.name])


def by_batch(model: type[BaseModel], sent: Json) -> Submission:
    body = json.dumps({"jobs": [{"task": kinds.TASKS[model].name, "input": sent}] * 2}).encode()
    content = read_batch(BATCH, body)
    order = make_batch(content, split_jobs(content, body, REGISTRY, MODELS), REGISTRY, "public")
    first, second = add_batch_key(order, "k", content, body, BATCH).jobs
    assert first.input == second.input
    return first


def by_celery(model: type[BaseModel], sent: Json) -> Submission:
    return to_submission(
        kinds.TASKS[model], {"id": "1"}, ([sent], {}, {}), queue="default", priority=None, tenant="public"
    )


def by_celery_text(model: type[BaseModel], sent: Json) -> Submission:
    return by_celery(model, json.dumps(sent))


Door = Callable[[type[BaseModel], Json], Submission]
DOORS: list[Door] = [by_http, by_batch, by_celery, by_celery_text]

SENT: list[tuple[type[BaseModel], Json]] = [
    (kinds.Secrets, {"token": "s3cret", "raw": "bytes"}),
    (kinds.Renamed, {"userId": 2, "names": ["Ada"], "Size": 3}),
    (kinds.Renamed, {"userId": 2, "fullName": "Ada"}),
    (kinds.Computed, {"width": 3}),
    (kinds.Hidden, {"internal": "kept", "card": "4242424242424242", "masked": "seen"}),
    (kinds.Whole, {"text": "all of it"}),
    (kinds.Changed, {"cents": 5, "digest": "x"}),
    (kinds.Stamped, {"id": "6f0f0cf6-6f5e-4e0c-8f3b-0e7a5f9b1a11"}),
    (kinds.Timed, {"at": SOON, "born": "2001-02-03"}),
    (kinds.Mixed, {"settings": '{"a": 1}', "number": kinds.LONG_NUMBER, "price": "1.10", "data": "aGk="}),
    (kinds.Mixed, {"part": {"count": 1, "note": "n"}, "lines": [1, 2], "more": {"x": [None]}, "price": 0.1}),
    (kinds.WithFile, {"file": kinds.FILE, "token": "s3cret", "until": SOON}),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("model", "sent"), SENT, ids=lambda value: getattr(value, "__name__", "sent"))
def test_stored_input_is_what_was_sent(door: Door, model: type[BaseModel], sent: Json) -> None:
    """Nothing is masked, renamed, left out or changed between the client and the ledger."""
    assert json.loads(door(model, sent).input) == sent


@pytest.mark.parametrize("door", DOORS)
def test_task_gets_the_secret(door: Door) -> None:
    """A `SecretStr` once reached the task as asterisks, and the job succeeded."""
    stored = door(kinds.Secrets, {"token": "s3cret", "raw": "bytes"}).input
    order = kinds.TASKS[kinds.Secrets].read_stored_input(stored)
    assert (order.token, order.raw) == (SecretStr("s3cret"), SecretBytes(b"bytes"))


@pytest.mark.parametrize("door", DOORS)
def test_validators_change_a_value_once(door: Door) -> None:
    """5 euros are 500 cents in the task, not 50,000."""
    stored = door(kinds.Changed, {"cents": 5, "digest": "x"}).input
    order = kinds.TASKS[kinds.Changed].read_stored_input(stored)
    assert (order.cents, order.digest) == (500, "<x>")


@pytest.mark.parametrize("door", DOORS)
def test_field_is_read_from_the_alias_that_the_client_used(door: Door) -> None:
    stored = door(kinds.Renamed, {"userId": 2, "names": ["Ada"], "Size": 3}).input
    order = kinds.TASKS[kinds.Renamed].read_stored_input(stored)
    assert (order.user_id, order.name, order.size) == (2, "Ada", 3)


@pytest.mark.parametrize("door", DOORS)
def test_time_in_the_future_may_have_come_when_the_job_runs(door: Door) -> None:
    """A job that waits until its `FutureDatetime` must not fail on it."""
    sent = {"at": (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()}
    stored = door(kinds.Timed, sent).input
    time.sleep(0.3)

    assert kinds.TASKS[kinds.Timed].read_stored_input(stored).at.isoformat() == sent["at"]
    with pytest.raises(ValueError, match="future"):
        kinds.TASKS[kinds.Timed].read_input(stored)


@pytest.mark.parametrize("door", DOORS)
def test_files_are_found_beside_secrets(door: Door) -> None:
    sent = {"file": kinds.FILE, "token": "s3cret"}
    assert door(kinds.WithFile, sent).files == (kinds.FILE,)


@pytest.mark.parametrize(
    ("model", "one", "other"),
    [
        (kinds.Secrets, {"token": "one"}, {"token": "two"}),
        (kinds.Secrets, {"token": "one", "raw": "one"}, {"token": "one", "raw": "two"}),
        (kinds.Hidden, {"internal": "one", "card": "1"}, {"internal": "two", "card": "1"}),
        (kinds.Hidden, {"internal": "x", "card": "1-4242"}, {"internal": "x", "card": "2-4242"}),
        (kinds.Whole, {"text": "one"}, {"text": "two"}),
        (kinds.Salted, {"password": "one"}, {"password": "two"}),
        (kinds.Mixed, {"lines": [1, 2]}, {"lines": [1, 3]}),
        (kinds.Mixed, {"part": {"count": 1, "note": "a"}}, {"part": {"count": 1, "note": "b"}}),
        (kinds.Mixed, {"more": 1}, {"more": 2}),
        (kinds.Mixed, {"anything": 1}, {"anything": True}),
    ],
)
def test_other_input_has_another_fingerprint(model: type[BaseModel], one: Json, other: Json) -> None:
    """Another secret under the same Idempotency-Key is another request, not a replay."""
    assert by_http(model, one).fingerprint != by_http(model, other).fingerprint


@pytest.mark.parametrize(
    ("model", "one", "other"),
    [
        (kinds.Stamped, {}, {"text": ""}),
        (kinds.Mixed, {}, {"settings": "{}", "number": 0, "kind": "a", "anything": None}),
        (kinds.Mixed, {"number": 5, "more": {"a": 1, "b": 2}}, {"more": {"b": 2, "a": 1}, "number": 5.0}),
        (kinds.Renamed, {"userId": 2, "fullName": "Ada"}, {"userId": 2, "names": ["Ada"]}),
    ],
)
def test_input_of_the_same_meaning_has_the_same_fingerprint(
    model: type[BaseModel], one: Json, other: Json
) -> None:
    assert by_http(model, one).fingerprint == by_http(model, other).fingerprint


@pytest.mark.parametrize(("model", "sent"), [*SENT, (kinds.Salted, {"password": "x"}), (kinds.Stamped, {})])
def test_request_that_is_sent_twice_has_one_fingerprint(model: type[BaseModel], sent: Json) -> None:
    """A random default, or a hash with a salt, does not make a replay another request."""
    assert by_http(model, sent).fingerprint == by_http(model, sent).fingerprint


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400])
@pytest.mark.parametrize("field", ["number", "nested", "optional"])
def test_number_that_becomes_infinite_is_refused(number: str, field: str) -> None:
    """It was stored as null: the job failed later, or ran with None."""
    request = f'{{"input": {{"{field}": {number}}}}}' if field != "nested" else (
        f'{{"input": {{"nested": [{{"x": {number}}}]}}}}'
    )  # fmt: skip
    with pytest.raises(Unprocessable) as refusal:
        read_request(MODELS["kinds.numbers"], request.encode())
    pointer = "/input/nested/0/x" if field == "nested" else f"/input/{field}"
    assert {error.pointer for error in refusal.value.errors} == {pointer}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("field", ["number", "optional", "anything"])
def test_celery_client_cannot_send_what_is_no_number(number: float, field: str) -> None:
    """Celery's JSON has NaN; a job got None instead."""
    for door in (by_celery, by_celery_text):
        with pytest.raises(Unprocessable, match=field):
            door(kinds.Numbers, {field: number})


def test_lone_surrogate_of_a_celery_client_is_refused() -> None:
    with pytest.raises(Unprocessable):
        by_celery(kinds.Mixed, {"anything": "\ud800"})


def test_bad_text_in_a_json_field_is_named_by_its_pointer() -> None:
    """The body is JSON; only the text within one field is not."""
    with pytest.raises(Unprocessable) as refusal:
        by_http(kinds.Mixed, {"settings": "{oops"})
    assert [error.pointer for error in refusal.value.errors] == ["/input/settings"]


@pytest.mark.parametrize(
    ("model", "sent", "shown"),
    [
        (kinds.Secrets, {"token": "s3cret"}, {"token": "**********", "raw": ""}),
        (kinds.Hidden, {"internal": "x", "card": "4242", "masked": "ab"}, {"card": "…4242", "masked": "**"}),
        (kinds.Mixed, {"settings": "{}", "more": 1}, None),
        (kinds.Timed, {"at": SOON}, {"at": SOON}),
    ],
)
def test_input_is_shown_without_its_secrets(model: type[BaseModel], sent: Json, shown: Json) -> None:
    """What reads a job, and Celery's events, never show what the model hides."""
    task = kinds.TASKS[model]
    seen = json.loads(task.show_input(by_http(model, sent).input))
    if shown is not None:
        assert seen == shown
    assert task.hides_input is (model in {kinds.Secrets, kinds.Hidden, kinds.Mixed})


def test_input_that_no_longer_fits_is_not_shown() -> None:
    assert kinds.TASKS[kinds.Secrets].show_input(b'{"tokens": "s3cret"}') == b"null"
