from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from jobline import Task
from jobline.domain.errors import Unprocessable
from jobline.domain.submission import Submission
from jobline.ledger.commands.attempts import Claimed
from jobline.tasks.demo import countdown
from jobline.worker.message import Message, to_message, to_submission
from jobline.worker.ticket import Ticket, ticket_of
from tests.support.worker import REGISTRY

CLAIMED = Claimed("id-1", "end.well", "media", 2, 7, 5, 12_500, '{"text":"ä \\" \\n"}'.encode())
NO_EMBED: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
WELL = REGISTRY.get("end.well")


def send(
    args: Any = (),
    kwargs: Any = None,
    *,
    task: Task[Any, Any] = WELL,
    embed: Any = None,
    queue: str = "media",
    priority: int | None = None,
    **headers: Any,
) -> Submission:
    return to_submission(
        task,
        {"id": "id-1", "task": task.name, **headers},
        (args, kwargs or {}, embed if embed is not None else NO_EMBED),
        queue=queue,
        priority=priority,
        tenant="public",
    )


def test_claimed_job_becomes_a_message_that_a_stock_worker_reads() -> None:
    channel = SimpleNamespace(decode_body=lambda body, _: body)
    message = Message(to_message(CLAIMED), channel=channel)
    assert message.content_type is None
    args, kwargs, embed = message.payload
    assert args == (CLAIMED.input.decode(),)
    assert (kwargs, embed) == ({}, NO_EMBED)
    headers = message.headers
    assert (headers["task"], headers["id"], headers["retries"]) == ("end.well", "id-1", 1)
    assert headers["timelimit"] == [15.5, 12.5]
    assert ticket_of(headers) == Ticket("id-1", "end.well", 2, 7, 5, 12.5)
    assert message.delivery_info["routing_key"] == "media"


def test_input_that_may_hold_secrets_is_not_in_events() -> None:
    """Celery's events and Flower show ``argsrepr``; the task still gets the whole input."""
    message = to_message(CLAIMED, hides_input=True)
    assert message["headers"]["argsrepr"] == "(hidden)"
    assert message["body"][0] == (CLAIMED.input.decode(),)


def test_message_of_a_claimed_job_submits_the_same_input() -> None:
    payload = to_message(CLAIMED)
    again = to_submission(
        WELL, payload["headers"], payload["body"], queue="media", priority=None, tenant="public"
    )
    assert (again.id, again.task, again.queue, again.input, again.timeout_ms) == (
        "id-1", "end.well", "media", CLAIMED.input, 12_500,
    )  # fmt: skip


@pytest.mark.parametrize("args", [[{"text": "a"}], ['{"text": "a"}']])
def test_input_comes_by_position(args: list[Any]) -> None:
    assert send(args).input == b'{"text":"a"}'


def test_input_comes_by_the_names_of_its_fields() -> None:
    assert send((), {"text": "a"}).input == b'{"text":"a"}'
    assert send().input == b"{}"


def test_settings_are_those_of_the_task() -> None:
    order = send()
    assert (order.max_attempts, order.timeout_ms, order.priority, order.partition) == (
        7,
        12_500,
        5,
        "public:end.well:media",
    )
    assert (order.run_at_ms, order.expires_in_ms, order.files, order.idempotency) == (None, None, (), "")


@pytest.mark.parametrize(("given", "kept"), [(0, 0), (9, 9), (99, 9), (-1, 0), (None, 5)])
def test_priority_is_clamped(given: int | None, kept: int) -> None:
    assert send(priority=given).priority == kept


@pytest.mark.parametrize(
    ("limits", "timeout_ms"),
    [([20, 10], 10_000), ([20, None], 20_000), ([None, None], 12_500), (None, 12_500)],
)
def test_time_limits_bound_the_attempt(limits: Any, timeout_ms: int) -> None:
    assert send(timelimit=limits).timeout_ms == timeout_ms


@pytest.mark.parametrize(
    "eta", ["2027-01-15T08:00:00.123+00:00", "2027-01-15T08:00:00.123", "2027-01-15T09:00:00.123+01:00"]
)
def test_eta_becomes_the_time_to_run_at(eta: str) -> None:
    assert send(eta=eta).run_at_ms == 1_800_000_000_123


def test_expires_becomes_the_time_left() -> None:
    left = send(expires=(datetime.now(UTC) + timedelta(seconds=60)).isoformat()).expires_in_ms
    assert left is not None
    assert 58_000 < left <= 60_000
    assert send(expires="2020-01-01T00:00:00+00:00").expires_in_ms == 0


@pytest.mark.parametrize("name", ["callbacks", "errbacks", "chain", "chord"])
def test_canvas_is_refused(name: str) -> None:
    with pytest.raises(Unprocessable, match="use a workflow"):
        send(embed={**NO_EMBED, name: [{"task": "x"}]})


@pytest.mark.parametrize(("args", "kwargs"), [([1, 2], {}), ([{"text": "a"}], {"text": "b"})])
def test_other_calls_are_refused(args: Any, kwargs: Any) -> None:
    with pytest.raises(Unprocessable, match=r"end\.well takes its input as one positional object"):
        send(args, kwargs)


def test_wrong_input_is_refused_with_its_pointer_and_without_its_value() -> None:
    with pytest.raises(Unprocessable, match="/text: ") as caught:
        send([{"text": ["s3cret"]}])
    assert [error.pointer for error in caught.value.errors] == ["/text"]
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("seconds", ["5", True, 5.5])
def test_input_of_another_type_is_refused_as_the_service_refuses_it(seconds: Any) -> None:
    for args, kwargs in (([{"seconds": seconds}], {}), ((), {"seconds": seconds})):
        with pytest.raises(Unprocessable, match="/seconds: Input should be a valid integer"):
            send(args, kwargs, task=countdown)


def test_whole_number_may_have_a_fraction_of_zero() -> None:
    stored = send([{"seconds": 5.0}], task=countdown).input
    assert countdown.read_stored_input(stored).seconds == 5


def test_files_are_claimed() -> None:
    file = "file_" + "1" * 32
    order = to_submission(
        REGISTRY.get("end.file"),
        {"id": "1"},
        ([{"file": file}], {}, {}),
        queue="default",
        priority=None,
        tenant="t",
    )
    assert order.files == (file,)


@pytest.mark.parametrize(
    "given", [{"id": "my id"}, {"id": ""}, {"id": "a\n"}, {"queue": "a b"}, {"queue": "a:b"}]
)
def test_name_with_a_separator_of_the_ledger_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match=r"must be 1 to 255|neither spaces nor colons"):
        send([{"text": "x"}], **given)


@pytest.mark.parametrize(
    "headers",
    [
        {"eta": "9999-12-31T23:59:59-14:00"},
        {"eta": "1969-12-31T00:00:00+00:00"},
        {"eta": "tomorrow"},
        {"expires": "2999-01-01T00:00:00+00:00"},
        {"timelimit": [None, 1e300]},
        {"timelimit": [None, float("inf")]},
        {"timelimit": [None, -1]},
    ],
    ids=str,
)
def test_time_that_no_program_reads_is_refused(headers: dict[str, Any]) -> None:
    """As the API does; one such job made the list of all jobs unreadable."""
    with pytest.raises(Unprocessable):
        send(**headers)
