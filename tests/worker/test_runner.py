from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobline.domain.record import Failure
from jobline.files import FileStore
from jobline.worker import runner
from jobline.worker.outcome import Cancelled, Failed, Outcome, RetryLater, Succeeded
from jobline.worker.resources import Resources
from jobline.worker.ticket import Ticket
from tests.support.worker import REGISTRY, FakeRecorder


def perform(resources: Resources, name: str, text: str = "{}", **changes: Any) -> Outcome:
    ticket = Ticket("job-1", name, 1, 3, 1, 10.0)._replace(**changes)
    return runner.perform(REGISTRY.get(name), text, ticket, resources)


def succeed(resources: Resources, name: str, text: str = "{}") -> Succeeded:
    outcome = perform(resources, name, text)
    assert isinstance(outcome, Succeeded)
    return outcome


def fail(resources: Resources, name: str, text: str = "{}", **changes: Any) -> Failure:
    outcome = perform(resources, name, text, **changes)
    assert isinstance(outcome, Failed)
    return outcome.failure


@pytest.fixture
def data(resources: Resources) -> Path:
    return resources.settings.data_dir


@pytest.mark.parametrize("name", ["end.well", "end.coroutine", "end.wrapped"])
def test_result_is_compact_json(resources: Resources, name: str) -> None:
    outcome = succeed(resources, name, '{"text": "ä"}')
    assert (outcome.content, outcome.artifacts) == ('{"text":"ä"}'.encode(), ())


def test_input_reaches_the_task_as_it_was_sent(resources: Resources) -> None:
    """The worker does not read what the model's own serializer would write."""
    assert succeed(resources, "end.written", '{"number": 4}').content == b'{"text":"5"}'


def test_input_that_no_longer_fits_is_never_quoted(resources: Resources) -> None:
    """An input may hold a secret, and clients read the error."""
    failure = fail(resources, "end.written", '{"number": "hush"}')
    assert failure.code == "input.invalid"
    assert "/number: " in failure.message
    assert "hush" not in failure.message + str(failure.traceback)


def test_error_of_the_task_keeps_its_code(resources: Resources) -> None:
    failure = fail(resources, "end.error", '{"text": "oh"}')
    assert (failure.code, failure.message, failure.retryable, failure.attempt) == (
        "end.broken",
        "oh",
        False,
        1,
    )
    assert "endings.py" in str(failure.traceback)


def test_retryable_error_is_retried_by_the_policy(resources: Resources) -> None:
    outcomes = [perform(resources, "end.flaky", attempt=attempt) for attempt in (1, 2)]
    assert [one.delay_ms for one in outcomes if isinstance(one, RetryLater)] == [4000, 8000]


def test_error_may_choose_the_delay_itself(resources: Resources) -> None:
    outcome = perform(resources, "end.flaky_at")
    assert isinstance(outcome, RetryLater)
    assert outcome.delay_ms == 2500
    assert outcome.failure.retryable


def test_last_attempt_is_not_retried(resources: Resources) -> None:
    assert fail(resources, "end.flaky", attempt=3).attempt == 3


def test_unexpected_exception_is_internal_and_bounded(resources: Resources) -> None:
    failure = fail(resources, "end.crash", '{"text": "abc"}')
    assert failure.code == "internal"
    assert failure.message.startswith("ValueError: abcabc")
    assert len(failure.message) == 2000
    assert len(str(failure.traceback)) <= 8000


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("end.memory", "resource.memory"),
        ("end.nan", "result.not_json"),
        ("end.unwritable", "result.not_json"),
        ("end.wrong", "result.invalid"),
        ("end.large", "result.too_large"),
        ("end.no_artifact", "artifact.missing"),
        ("end.linked_artifact", "artifact.bad"),
        ("end.folder_artifact", "artifact.bad"),
        ("end.exit", "internal"),
        ("end.exit_async", "internal"),
    ],
)
def test_each_failure_has_its_code(resources: Resources, name: str, code: str) -> None:
    failure = fail(resources, name)
    assert failure.code == code
    assert failure.message


@pytest.mark.parametrize(
    "name", ["end.unusual", "end.unusual_async", "end.interrupt", "end.cancelled_within"]
)
def test_whatever_a_task_raises_ends_its_attempt(resources: Resources, name: str) -> None:
    """An attempt without an end holds its slot for good, with its lease renewed."""
    outcome = perform(resources, name)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.code == "internal"


@pytest.mark.parametrize("number", ["inf", "-inf"])
def test_infinity_is_not_json_either(resources: Resources, number: str) -> None:
    assert fail(resources, "end.nan", f'{{"text": "{number}"}}').code == "result.not_json"


def test_exit_of_a_coroutine_does_not_end_the_loop_of_the_others(resources: Resources) -> None:
    assert "SystemExit(3)" in fail(resources, "end.exit_async").message
    assert succeed(resources, "end.coroutine", '{"text": "on"}').content == b'{"text":"on"}'


def test_exit_by_a_signal_of_the_pool_is_not_a_failure(resources: Resources) -> None:
    """Billiard's signal handler raises SystemExit(signal - 256)."""
    with pytest.raises(SystemExit):
        perform(resources, "end.exit", '{"text": "-241"}')


def test_coroutine_past_its_limit_is_a_timeout_and_not_retried(resources: Resources) -> None:
    assert fail(resources, "end.slow", timeout_s=0.05).code == "timeout"


def test_input_that_no_longer_fits_is_named(resources: Resources) -> None:
    failure = fail(resources, "end.well", '{"text": 7}')
    assert failure.code == "input.invalid"
    assert "text" in failure.message


def test_artifact_is_published_with_its_digest(resources: Resources, data: Path) -> None:
    (made,) = succeed(resources, "end.artifact", '{"text": "abc"}').artifacts
    assert (made.name, made.media_type, made.size_bytes) == ("out.txt", "text/plain", 3)
    assert made.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert FileStore(data).fetch(made.id, data).read_text() == "abc"


def test_working_directory_is_gone_after_every_end(resources: Resources, data: Path) -> None:
    succeed(resources, "end.artifact")
    fail(resources, "end.no_artifact")
    assert list((data / "work").iterdir()) == []


def test_job_without_files_does_not_touch_the_disk(resources: Resources, data: Path) -> None:
    succeed(resources, "end.well")
    assert list(data.iterdir()) == []


def test_missing_file_has_its_code(resources: Resources) -> None:
    assert fail(resources, "end.file", f'{{"file": "file_{"0" * 32}"}}').code == "file.not_found"


def test_result_after_an_observed_cancel_is_dropped(resources: Resources, recorder: FakeRecorder) -> None:
    recorder.cancelled = ["job-1"]
    assert perform(resources, "end.seen") == Cancelled()


def test_late_attempt_stops_and_publishes_nothing(
    resources: Resources, recorder: FakeRecorder, data: Path
) -> None:
    recorder.lost = ["job-1"]
    assert perform(resources, "end.artifact", '{"text": "late"}') == Cancelled()
    assert not [path for path in data.rglob("art_*") if path.is_file()]


def test_coroutine_of_a_cancelled_job_is_cancelled(resources: Resources, recorder: FakeRecorder) -> None:
    recorder.cancelled = ["job-1"]
    assert perform(resources, "end.slow") == Cancelled()


def test_progress_reaches_the_ledger(resources: Resources, recorder: FakeRecorder) -> None:
    succeed(resources, "end.coroutine")
    assert recorder.reports == [("progress", {"done": 1, "total": 2, "unit": "", "message": ""})]
