"""A report from an uploaded CSV file, with progress, a log line and an artifact."""

import csv
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import Annotated

from jobline import FileId, FileRule, JobContext, Model, TaskError, task

Table = Annotated[FileId, FileRule(max_bytes=100_000_000, media_types=("text/*",))]


class Sales(Model):
    table: Table


class Report(Model):
    rows: int
    total: Decimal
    best_region: str


@task("report.sales", timeout_s=600)
def report(order: Sales, job: JobContext) -> Report:
    """Add up sales by region: a CSV file with the columns region and amount, UTF-8."""
    path = job.file(order.table)
    with path.open("rb") as content:
        lines = sum(1 for _ in content) - 1
    number = 0
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    with path.open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table)
        if not {"region", "amount"} <= set(rows.fieldnames or ()):
            raise TaskError("report.no_columns", "The file needs the columns region and amount.")
        for number, row in enumerate(rows, 1):
            totals[row["region"]] += read_amount(row["amount"], number + 1)
            job.progress(number, lines, unit="rows")
    if number == 0:
        raise TaskError("report.empty", "The file has no rows.")
    with job.artifact("regions.csv").open("w") as summary:
        summary.writelines(f"{region},{total}\n" for region, total in sorted(totals.items()))
    job.log("report written", regions=len(totals))
    return Report(
        rows=number, total=sum(totals.values(), Decimal()), best_region=max(totals, key=totals.__getitem__)
    )


def read_amount(text: str, line: int) -> Decimal:
    """Return an amount; raises TaskError with its line."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise TaskError("report.bad_amount", f"Line {line}: {text!r} is not an amount.") from None
