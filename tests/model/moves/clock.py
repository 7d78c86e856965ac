"""Time passes, workers tick, and leave."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from hypothesis.stateful import rule

from jobline.ledger import commands
from tests.model.entities import LEASE_MS
from tests.model.moves.stage import OWNERS, RETENTION, Part, Stage, only


class Clock(Stage):
    """What happens without a client."""

    @rule(ms=st.sampled_from([0.001, 1, 500, 2_000, 3_500, 4_000, 10_000, 21_000]))
    def pass_time(self, ms: float) -> None:
        self.model.now_us += int(ms * 1000)

    @rule(owner=OWNERS)
    def tick(self, owner: str) -> None:
        unserved = set(self.model.unserved)
        got = self.run(commands.clock.tick(owner, json.dumps(owner), lease_ms=LEASE_MS, retention=RETENTION))
        assert (set(got.cancelled), got.has_more) == (self.model.tick(owner), False)
        assert set(got.unserved) == unserved
        self.unserved = got.unserved

    @only(Part.READS)
    @rule()
    def workers(self) -> None:
        got = self.run(commands.clock.workers())
        wanted = sorted((self.model.now - beat, name) for name, beat in self.model.beats.items())
        assert sorted((one.age_ms, one.name) for one in got) == wanted

    @only(Part.READS)
    @rule(owner=OWNERS)
    def leave(self, owner: str) -> None:
        self.model.leave(owner)
        self.run(commands.clock.leave(owner))
