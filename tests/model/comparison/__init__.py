"""Hold what the ledger stores against what the model says."""

from tests.model.comparison.dump import DUMP
from tests.model.comparison.ledger import compare_ledger
from tests.model.comparison.replies import compare_batch, compare_record

__all__ = ["DUMP", "compare_batch", "compare_ledger", "compare_record"]
