from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from celery.worker.consumer import consumer

from jobline.ledger import recorder, store, subscription
from jobline.outages import LOGGERS, PERIOD_S, Summary
from jobline.worker import pulse

KIND = "The ledger cannot be reached: %s"


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def logger(clock: list[float]) -> Iterator[logging.Logger]:
    made, summary = logging.getLogger("tests.outages"), Summary(lambda: clock[0])
    made.addFilter(summary)
    yield made
    made.removeFilter(summary)


def test_outage_is_a_line_now_and_then_with_the_number_of_the_others(
    logger: logging.Logger, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Each attempt to reach Redis logs a line, several times a second in each process."""
    for _ in range(50):
        logger.warning(KIND, "refused")
    clock[0] += PERIOD_S
    logger.warning(KIND, "refused")

    assert [record.getMessage() for record in caplog.records] == [
        "The ledger cannot be reached: refused",
        "The ledger cannot be reached: refused (49 more like it were left out)",
    ]


def test_other_lines_and_tracebacks_pass(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        logger.info("as often as it likes")
        logger.error("a defect", exc_info=ValueError("x"))
    logger.warning(KIND, "a")
    logger.warning("of another kind")
    assert len(caplog.records) == 6


def test_loggers_that_are_summarised_are_those_that_log() -> None:
    """Fails when one of them is renamed: then its lines would be too many once more."""
    found = {
        consumer.logger.name,
        recorder.logger.name,
        store.logger.name,
        subscription.logger.name,
        pulse.logger.name,
    }
    assert found == set(LOGGERS)
