"""Row 16's hand: faults at random from a seed, one at a time, each undone before the next."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from tests.acceptance.faults.form import LEASE_S, hold
from tests.acceptance.faults.stage import CLOCK_AHEAD, FarStage


class Chaos:
    """Break one part of a stage after another, as a seed says."""

    def __init__(self, stage: FarStage, dice: random.Random) -> None:
        self.stage = stage
        self.dice = dice
        self.done: list[str] = []
        self.faults: list[Callable[[], None]] = [
            self.kill_worker,
            self.stop_worker_well,
            self.kill_child,
            self.freeze_worker,
            self.kill_redis,
            self.freeze_redis,
            self.drop_connections,
            self.fill_redis,
            self.kill_api,
            self.slow_network,
            self.cut_network,
            self.reset_network,
            self.misset_clock,
        ]

    def run(self, seconds: float) -> None:
        """Go on for so long; every fault once before any comes again."""
        until = time.monotonic() + seconds
        deck: list[Callable[[], None]] = []
        while time.monotonic() < until:
            if not deck:
                deck = self.dice.sample(self.faults, len(self.faults))
            fault = deck.pop()
            self.done.append(fault.__name__)
            fault()
            hold(self.dice.uniform(0.1, 1.5))

    def pick_worker(self) -> None:
        """Have two workers, and one of them chosen."""
        self.stage.ensure_workers(2)
        self.victim = self.dice.choice(self.stage.workers)

    def kill_worker(self) -> None:
        self.pick_worker()
        self.stage.kill_worker(self.victim)
        self.stage.ensure_workers(2)

    def stop_worker_well(self) -> None:
        self.pick_worker()
        self.victim.tell(signal.SIGTERM)
        self.victim.ends_within(8)
        self.stage.kill_worker(self.victim)
        self.stage.ensure_workers(2)

    def kill_child(self) -> None:
        self.pick_worker()
        if pids := self.victim.children():
            try:
                os.kill(self.dice.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                return

    def freeze_worker(self) -> None:
        self.pick_worker()
        self.victim.tell_tree(signal.SIGSTOP)
        hold(self.dice.choice([0.5, LEASE_S + 2]))
        self.victim.tell_tree(signal.SIGCONT)

    def kill_redis(self) -> None:
        self.stage.redis.kill()
        hold(self.dice.uniform(0.2, 4))
        self.stage.redis.start()

    def freeze_redis(self) -> None:
        with self.stage.frozen_redis():
            hold(self.dice.uniform(0.2, LEASE_S + 1))

    def drop_connections(self) -> None:
        self.stage.drop_connections()

    def fill_redis(self) -> None:
        with self.stage.raw() as ledger:
            ledger.config_set("maxmemory", "1mb")
            hold(self.dice.uniform(0.2, 2))
            ledger.config_set("maxmemory", "0")

    def kill_api(self) -> None:
        self.stage.kill_api()
        hold(self.dice.uniform(0, 0.5))
        self.stage.restart_api()

    def slow_network(self) -> None:
        self.stage.proxy.delay_s = 0.2
        hold(self.dice.uniform(0.2, 4))
        self.stage.proxy.delay_s = 0.0

    def cut_network(self) -> None:
        self.stage.proxy.mute()
        hold(self.dice.uniform(0.2, LEASE_S + 1))
        self.stage.proxy.forget()

    def reset_network(self) -> None:
        for _ in range(self.dice.randint(1, 5)):
            self.stage.proxy.reset()
            hold(0.3)

    def misset_clock(self) -> None:
        self.pick_worker()
        self.stage.kill_worker(self.victim)
        self.stage.add_worker(PYTHONPATH=CLOCK_AHEAD)
