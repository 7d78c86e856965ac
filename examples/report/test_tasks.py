from decimal import Decimal

import pytest
from tasks import Report, Sales, report

from jobline.testing import LogLine, file_id, run

ORDER = Sales(table=file_id("sales.csv"))
SALES = b"region,amount\nnorth,10.50\nsouth,3\nnorth,1.25\n"


def test_sales_are_added_up_by_region() -> None:
    outcome = run(report, ORDER, files={"sales.csv": SALES})

    assert outcome.result == Report(rows=3, total=Decimal("14.75"), best_region="north")
    assert outcome.artifacts == {"regions.csv": b"north,11.75\nsouth,3\n"}
    assert [(step.done, step.total) for step in outcome.progress] == [(1, 3), (2, 3), (3, 3)]
    assert outcome.log == [LogLine("info", "report written", {"regions": 2})]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"region,amount\nnorth,ten\n", "report.bad_amount", "Line 2: 'ten' is not an amount."),
        (b"place,amount\nnorth,10\n", "report.no_columns", "The file needs the columns region and amount."),
        (b"region,amount\n", "report.empty", "The file has no rows."),
    ],
)
def test_wrong_file_is_refused_with_a_code(content: bytes, code: str, message: str) -> None:
    error = run(report, ORDER, files={"sales.csv": content}).error

    assert error is not None
    assert (error.code, error.message) == (code, message)
