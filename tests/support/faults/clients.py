"""The clients of row 16: random jobs from a seed, sent until accepted, some cancelled or retried."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

import httpx

from tests.support.deployment import Json
from tests.support.faults.rig import Rig
from tests.support.faults.scale import LEASE_S

THREADS = 8
#: The last order is sent a little before the end of the chaos, so that clients can catch up after an outage.
AHEAD = 0.8
#: A retry is for the job of this many orders ago, which may have ended by then.
AGO = 60


@dataclass(frozen=True)
class Order:
    """What was drawn for one job: its request, and what happens to it later."""

    task: str
    body: Json
    is_cancelled: bool
    #: Whether the job of an earlier order is retried, if it failed.
    retries: bool


def draw(dice: random.Random) -> Order:
    """Draw one job: mostly short, some long, flaky, broken, delayed or deadly."""
    task = dice.choices(
        ["work", "progress", "coroutine", "flaky", "broken", "deaf", "starve", "kill_child", "memory"],
        [60, 10, 8, 8, 5, 3, 3, 1, 2],
    )[0]
    order: Json = {"seconds": dice.choices([0.0, 0.05, 0.5, LEASE_S + 1], [60, 30, 9, 1])[0]}
    if task == "flaky":
        order["fails"] = dice.randint(1, 2)
    body: Json = {"input": order, "priority": dice.randint(0, 9)}
    if dice.random() < 0.1:
        body["delay_s"] = round(dice.uniform(0.1, 10), 2)
    if dice.random() < 0.05:
        body["expires_in_s"] = dice.choice([1, 60])
    if dice.random() < 0.2:
        body["tags"] = dice.sample(["a", "b", "c"], 2)
    if dice.random() < 0.3:
        body["max_attempts"] = dice.choice([1, 2, 8])
    return Order(f"faults.{task}", body, is_cancelled=dice.random() < 0.1, retries=dice.random() < 0.2)


class RandomClients:
    """Threads that send orders at an even pace, each until it is accepted."""

    def __init__(self, rig: Rig, dice: random.Random, count: int, seconds: float) -> None:
        self.rig = rig
        self.orders = [draw(dice) for _ in range(count)]
        #: job -> task, for the orders' jobs and for those created by a retry
        self.tasks: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.retried: set[str] = set()
        self._every_s = AHEAD * seconds / count
        self._began = time.monotonic()
        self._jobs: dict[int, str] = {}
        self._next = iter(range(count))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def finish(self, within_s: float) -> None:
        """Wait until every order is submitted."""
        give_up = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), (
            f"{len(self._jobs)} of {len(self.orders)} are accepted"
        )

    def _run(self) -> None:
        with self.rig.new_client() as client:
            while (number := self._take()) is not None:
                time.sleep(max(0.0, self._began + number * self._every_s - time.monotonic()))
                self._play(client, number)

    def _take(self) -> int | None:
        with self._lock:
            return next(self._next, None)

    def _play(self, client: httpx.Client, number: int) -> None:
        order = self.orders[number]
        path = f"/v1/tasks/{order.task}/jobs"
        job = insist(client, path, order.body, f"chaos-{number}")
        with self._lock:
            assert job not in self.tasks, "one job a key"
            self._jobs[number] = job
            self.tasks[job] = order.task
        if order.is_cancelled:
            insist(client, f"/v1/jobs/{job}/cancel")
            with self._lock:
                self.cancelled.add(job)
        former = self._jobs.get(number - AGO)
        if order.retries and former and (again := insist(client, f"/v1/jobs/{former}/retry")):
            with self._lock:
                self.tasks[again] = self.tasks[former]
                self.retried.add(again)


def insist(client: httpx.Client, path: str, body: Json | None = None, key: str = "") -> str:
    """Send a request until it is answered; return the job's id, or nothing if its state forbids that."""
    headers = {"Idempotency-Key": key} if key else {}
    while True:
        try:
            answer = client.post(path, json=body, headers=headers)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code in {200, 202, 409}:
            return str(answer.json().get("id", ""))
        assert answer is None or answer.status_code == 503, answer.text
        time.sleep(0.1)
