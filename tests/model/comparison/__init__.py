"""Compare what the ledger stores with the model."""

from tests.model.comparison.dump import DUMP
from tests.model.comparison.ledger import compare_ledger
from tests.model.comparison.replies import compare_batch, compare_record

__all__ = ["DUMP", "compare_batch", "compare_ledger", "compare_record"]
