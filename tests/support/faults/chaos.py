"""The faults of row 16: random from a seed, one at a time, each undone before the next."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from tests.support.faults.rig import CLOCK_AHEAD, ProxiedRig
from tests.support.faults.scale import LEASE_S, hold


class Chaos:
    """Breaks one part of a rig after another, in an order drawn from a seed."""

    def __init__(self, rig: ProxiedRig, dice: random.Random) -> None:
        self.rig = rig
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
        """Play faults for ``seconds``; each comes once before any is repeated."""
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
        """Ensure two workers, and choose one of them."""
        self.rig.ensure_workers(2)
        self.victim = self.dice.choice(self.rig.workers)

    def kill_worker(self) -> None:
        self.pick_worker()
        self.rig.kill_worker(self.victim)
        self.rig.ensure_workers(2)

    def stop_worker_well(self) -> None:
        self.pick_worker()
        self.victim.send_signal(signal.SIGTERM)
        self.victim.ends_within(8)
        self.rig.kill_worker(self.victim)
        self.rig.ensure_workers(2)

    def kill_child(self) -> None:
        self.pick_worker()
        if pids := self.victim.children():
            try:
                os.kill(self.dice.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                return

    def freeze_worker(self) -> None:
        self.pick_worker()
        self.victim.signal_tree(signal.SIGSTOP)
        hold(self.dice.choice([0.5, LEASE_S + 2]))
        self.victim.signal_tree(signal.SIGCONT)

    def kill_redis(self) -> None:
        self.rig.redis.kill()
        hold(self.dice.uniform(0.2, 4))
        self.rig.redis.start()

    def freeze_redis(self) -> None:
        with self.rig.frozen_redis():
            hold(self.dice.uniform(0.2, LEASE_S + 1))

    def drop_connections(self) -> None:
        self.rig.drop_connections()

    def fill_redis(self) -> None:
        with self.rig.raw() as ledger:
            ledger.config_set("maxmemory", "1mb")
            hold(self.dice.uniform(0.2, 2))
            ledger.config_set("maxmemory", "0")

    def kill_api(self) -> None:
        self.rig.kill_api()
        hold(self.dice.uniform(0, 0.5))
        self.rig.restart_api()

    def slow_network(self) -> None:
        self.rig.proxy.delay_s = 0.2
        hold(self.dice.uniform(0.2, 4))
        self.rig.proxy.delay_s = 0.0

    def cut_network(self) -> None:
        self.rig.proxy.mute()
        hold(self.dice.uniform(0.2, LEASE_S + 1))
        self.rig.proxy.forget()

    def reset_network(self) -> None:
        for _ in range(self.dice.randint(1, 5)):
            self.rig.proxy.reset()
            hold(0.3)

    def misset_clock(self) -> None:
        self.pick_worker()
        self.rig.kill_worker(self.victim)
        self.rig.add_worker(PYTHONPATH=CLOCK_AHEAD)
