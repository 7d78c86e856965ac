from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobline.domain.record import Failure
from jobline.files import FileStore
from jobline.worker import runner
from jobline.worker.outcome import Cancelled, Failed, Outcome, RetryLater, Succeeded
from jobline.worker.ticket import Ticket
from jobline.worker.wiring import Wiring
from tests.support.worker import REGISTRY, FakeRecorder


def perform(wiring: Wiring, name: str, text: str = "{}", **changes: Any) -> Outcome:
    ticket = Ticket("job-1", name, 1, 3, 1, 10.0)._replace(**changes)
    return runner.perform(REGISTRY.get(name), text, ticket, wiring)


def succeed(wiring: Wiring, name: str, text: str = "{}") -> Succeeded:
    outcome = perform(wiring, name, text)
    assert isinstance(outcome, Succeeded)
    return outcome


def fail(wiring: Wiring, name: str, text: str = "{}", **changes: Any) -> Failure:
    outcome = perform(wiring, name, text, **changes)
    assert isinstance(outcome, Failed)
    return outcome.failure


@pytest.fixture
def data(wiring: Wiring) -> Path:
    return wiring.settings.data_dir


@pytest.mark.parametrize("name", ["end.well", "end.coroutine"])
def test_result_is_compact_json(wiring: Wiring, name: str) -> None:
    outcome = succeed(wiring, name, '{"text": "ä"}')
    assert (outcome.content, outcome.artifacts) == ('{"text":"ä"}'.encode(), ())


def test_stored_input_is_read_as_its_own_model_wrote_it(wiring: Wiring) -> None:
    task = REGISTRY.get("end.written")
    stored = task.input_adapter.dump_json(task.read_input('{"number": 4}'))
    assert stored == b'{"number":"4"}'
    assert succeed(wiring, "end.written", stored.decode()).content == b'{"text":"5"}'


def test_error_of_the_task_keeps_its_code(wiring: Wiring) -> None:
    failure = fail(wiring, "end.error", '{"text": "oh"}')
    assert (failure.code, failure.message, failure.retryable, failure.attempt) == (
        "end.broken",
        "oh",
        False,
        1,
    )
    assert "endings.py" in str(failure.traceback)


def test_retryable_error_is_retried_by_the_policy(wiring: Wiring) -> None:
    outcomes = [perform(wiring, "end.flaky", attempt=attempt) for attempt in (1, 2)]
    assert [one.delay_ms for one in outcomes if isinstance(one, RetryLater)] == [4000, 8000]


def test_error_may_choose_the_delay_itself(wiring: Wiring) -> None:
    outcome = perform(wiring, "end.flaky_at")
    assert isinstance(outcome, RetryLater)
    assert outcome.delay_ms == 2500
    assert outcome.failure.retryable


def test_last_attempt_is_not_retried(wiring: Wiring) -> None:
    assert fail(wiring, "end.flaky", attempt=3).attempt == 3


def test_unexpected_exception_is_internal_and_bounded(wiring: Wiring) -> None:
    failure = fail(wiring, "end.crash", '{"text": "abc"}')
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
        ("end.exit", "internal"),
        ("end.exit_async", "internal"),
    ],
)
def test_each_bad_end_has_its_code(wiring: Wiring, name: str, code: str) -> None:
    failure = fail(wiring, name)
    assert failure.code == code
    assert failure.message


@pytest.mark.parametrize("number", ["inf", "-inf"])
def test_infinity_is_no_json_either(wiring: Wiring, number: str) -> None:
    assert fail(wiring, "end.nan", f'{{"text": "{number}"}}').code == "result.not_json"


def test_exit_of_a_coroutine_does_not_end_the_loop_of_the_others(wiring: Wiring) -> None:
    assert "SystemExit(3)" in fail(wiring, "end.exit_async").message
    assert succeed(wiring, "end.coroutine", '{"text": "on"}').content == b'{"text":"on"}'


def test_exit_that_the_pool_asked_for_is_let_through(wiring: Wiring) -> None:
    """Billiard's signal handler raises SystemExit(signal - 256)."""
    with pytest.raises(SystemExit):
        perform(wiring, "end.exit", '{"text": "-241"}')


def test_coroutine_past_its_limit_is_a_timeout_and_not_retried(wiring: Wiring) -> None:
    assert fail(wiring, "end.slow", timeout_s=0.05).code == "timeout"


def test_input_that_no_longer_fits_is_named(wiring: Wiring) -> None:
    failure = fail(wiring, "end.well", '{"text": 7}')
    assert failure.code == "input.invalid"
    assert "text" in failure.message


def test_artifact_is_published_with_its_digest(wiring: Wiring, data: Path) -> None:
    (made,) = succeed(wiring, "end.artifact", '{"text": "abc"}').artifacts
    assert (made.name, made.media_type, made.size_bytes) == ("out.txt", "text/plain", 3)
    assert made.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert FileStore(data).fetch(made.id, data).read_text() == "abc"


def test_working_directory_is_gone_after_every_end(wiring: Wiring, data: Path) -> None:
    succeed(wiring, "end.artifact")
    fail(wiring, "end.no_artifact")
    assert list((data / "work").iterdir()) == []


def test_job_without_files_does_not_touch_the_disk(wiring: Wiring, data: Path) -> None:
    succeed(wiring, "end.well")
    assert list(data.iterdir()) == []


def test_missing_file_has_its_code(wiring: Wiring) -> None:
    assert fail(wiring, "end.file", f'{{"file": "file_{"0" * 32}"}}').code == "file.not_found"


def test_result_after_an_observed_cancel_is_dropped(wiring: Wiring, recorder: FakeRecorder) -> None:
    recorder.cancelled = ["job-1"]
    assert perform(wiring, "end.seen") == Cancelled()


def test_late_attempt_stops_and_publishes_nothing(wiring: Wiring, recorder: FakeRecorder, data: Path) -> None:
    recorder.lost = ["job-1"]
    assert perform(wiring, "end.artifact", '{"text": "late"}') == Cancelled()
    assert not [path for path in data.rglob("art_*") if path.is_file()]


def test_coroutine_of_a_cancelled_job_is_cancelled(wiring: Wiring, recorder: FakeRecorder) -> None:
    recorder.cancelled = ["job-1"]
    assert perform(wiring, "end.slow") == Cancelled()


def test_progress_reaches_the_ledger(wiring: Wiring, recorder: FakeRecorder) -> None:
    succeed(wiring, "end.coroutine")
    assert recorder.reports == [("progress", {"done": 1, "total": 2, "unit": "", "message": ""})]
