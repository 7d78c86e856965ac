"""Drive the scripts and the model side by side; every answer and the whole ledger must agree after each move.

Several clients are interleaved: workers that hold attempts, some of them given up long ago, and clients that
read, cancel and submit again. Redis runs each script alone, so an interleaving is an order of scripts, and
hypothesis draws the orders. One file a family of verbs.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from jobline.ledger.commands.attempts import Limits
from tests.model.comparison import compare_ledger
from tests.model.moves.attempts import LIMITS, Attempts
from tests.model.moves.creation import ORDERS, Order
from tests.model.moves.files import Files
from tests.model.moves.queues import Queues
from tests.model.moves.stage import CALL_US, Part
from tests.model.moves.watching import Watching

__all__ = ["LedgerMachine", "Part"]


class LedgerMachine(Attempts, Files, Queues, Watching):
    """All moves."""

    @initialize(orders=st.lists(ORDERS, min_size=3, max_size=5), limits=LIMITS)
    def begin(self, orders: list[Order], limits: Limits) -> None:
        """Create jobs to move, without a gap before the first tick."""
        if Part.LIMITS in self.parts:
            self.limits = limits
        self.tick("w1")
        self.add_file("one")
        self.submit(orders)
        self.claim("w1", 2, ["right", "left"], 0)

    @invariant()
    def agrees(self) -> None:
        """Compare the whole ledger with the model, and let a moment pass."""
        compare_ledger(self.model, self.dump)
        self.model.now_us += CALL_US
