"""Clients that submit and read all the time, from threads, and record the answers."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import httpx

from tests.support.faults.rig import Rig
from tests.support.waiting import wait_until

#: The longest that any answer may take while Redis is out of reach.
ANSWER_S = 5.0
#: The load flows when this many orders were accepted.
FLOWING = 50
ANSWERS = frozenset({"POST 202", "POST 503", "GET 200", "GET 503"})


class Load:
    """Threads that POST and GET while the block runs.

    Each order has an Idempotency-Key; with ``insist`` it is sent until the answer is 202, as a careful client
    does.
    """

    def __init__(self, rig: Rig, *, threads: int = 3, insist: bool = False, pause_s: float = 0.02) -> None:
        self.rig = rig
        self.insist = insist
        self.pause_s = pause_s
        #: ids of accepted jobs, by idempotency key
        self.accepted: dict[str, set[str]] = {}
        self.statuses: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    @property
    def jobs(self) -> list[str]:
        """The ids of all accepted jobs."""
        with self._lock:
            return [job for jobs in self.accepted.values() for job in jobs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def wait_flowing(self) -> None:
        """Wait until orders are accepted, and measure from then on."""
        wait_until(lambda: self.statuses["POST 202"] > FLOWING, 10, "the load flows")
        self.slowest_s = 0.0

    def check_answers(self) -> None:
        """Check that every answer was a success or a 503, in time, and that no connection broke."""
        assert set(self.statuses) <= ANSWERS, self.statuses
        assert self.slowest_s <= ANSWER_S

    def _run(self) -> None:
        with self.rig.new_client() as client:
            job = ""
            while not self._over.is_set():
                job = self._submit(client) or job
                if job:
                    self._ask(client, "GET", f"/v1/jobs/{job}")
                self._over.wait(self.pause_s)

    def _submit(self, client: httpx.Client) -> str:
        key = secrets.token_hex(8)
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            answer = self._ask(client, "POST", "/v1/tasks/faults.work/jobs", key)
            if answer is not None and answer.status_code == 202:
                job: str = answer.json()["id"]
                with self._lock:
                    self.accepted.setdefault(key, set()).add(job)
                return job
            if not self.insist:
                return ""
            time.sleep(0.05)
        return ""

    def _ask(self, client: httpx.Client, method: str, path: str, key: str = "") -> httpx.Response | None:
        headers = {"Idempotency-Key": key} if key else {}
        start = time.monotonic()
        answer: httpx.Response | None = None
        try:
            answer = client.request(
                method, path, json={"input": {}} if method == "POST" else None, headers=headers
            )
            word = f"{method} {answer.status_code}"
        except httpx.TransportError as error:
            word = f"{method} {type(error).__name__}"
        with self._lock:
            self.statuses[word] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        return answer
