"""Row 16's hand: faults at random from a seed, one at a time, each undone before the next."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable

import httpx

from tests.acceptance.faults.stage import LEASE_S, Stage, hold


class Chaos:
    """Break one part of a stage after another, as a seed says."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
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
        with self.stage.raw() as ledger:
            for kind in ("normal", "pubsub"):
                ledger.client_kill_filter(_type=kind, skipme=True)

    def fill_redis(self) -> None:
        with self.stage.raw() as ledger:
            ledger.config_set("maxmemory", "1mb")
            hold(self.dice.uniform(0.2, 2))
            ledger.config_set("maxmemory", "0")

    def kill_api(self) -> None:
        self.stage.kill_api()
        hold(self.dice.uniform(0, 0.5))
        self.stage.start_api()


class Crowd:
    """Submit jobs of all kinds from threads, each until it is accepted, and cancel some."""

    def __init__(self, stage: Stage, dice: random.Random, count: int, seconds: float) -> None:
        self.stage = stage
        #: a little ahead of the chaos, so that an outage can be made up for
        self.every_s = 0.8 * seconds / count
        self.began = time.monotonic()
        self.orders = [self.order(dice) for _ in range(count)]
        self.cancels = [dice.random() < 0.1 for _ in range(count)]
        self.accepted: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self._next = iter(range(count))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(8)]

    @staticmethod
    def order(dice: random.Random) -> tuple[str, dict[str, object]]:
        """Draw one job: mostly short, some long, flaky, broken, late, deadly."""
        task = dice.choices(
            ["work", "progress", "coroutine", "flaky", "broken", "deaf", "starve", "kill_child", "memory"],
            [60, 10, 8, 8, 5, 3, 3, 1, 2],
        )[0]
        order: dict[str, object] = {"seconds": dice.choices([0.0, 0.05, 0.5, LEASE_S + 1], [60, 30, 9, 1])[0]}
        if task == "flaky":
            order["fails"] = dice.randint(1, 2)
        body: dict[str, object] = {"input": order, "priority": dice.randint(0, 9)}
        if dice.random() < 0.1:
            body["delay_s"] = round(dice.uniform(0.1, 10), 2)
        if dice.random() < 0.05:
            body["expires_in_s"] = dice.choice([1, 60])
        if dice.random() < 0.2:
            body["tags"] = dice.sample(["a", "b", "c"], 2)
        if dice.random() < 0.3:
            body["max_attempts"] = dice.choice([1, 2, 8])
        return f"faults.{task}", body

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self, within_s: float) -> None:
        """Wait until all is submitted."""
        give_up = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))
        assert len(self.accepted) == len(self.orders), (
            f"{len(self.accepted)} of {len(self.orders)} are accepted"
        )

    def _run(self) -> None:
        with self.stage.new_client() as client:
            while True:
                with self._lock:
                    number = next(self._next, None)
                if number is None:
                    return
                time.sleep(max(0.0, self.began + number * self.every_s - time.monotonic()))
                task, body = self.orders[number]
                job = self._insist(client, f"/v1/tasks/{task}/jobs", body, f"chaos-{number}")
                with self._lock:
                    self.accepted[f"chaos-{number}"] = job
                if self.cancels[number]:
                    self._insist(client, f"/v1/jobs/{job}/cancel", None, "")
                    with self._lock:
                        self.cancelled.add(job)

    def _insist(self, client: httpx.Client, path: str, body: object, key: str) -> str:
        while True:
            try:
                answer = client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in {200, 202, 409}:
                job: str = answer.json().get("id", "")
                return job
            assert answer is None or answer.status_code == 503, answer.text
            time.sleep(0.1)
