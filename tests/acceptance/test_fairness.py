"""Fairness with a real worker that is shared by tenants with keys of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from typing import Any

import httpx
import pytest
import redis

from jobline.domain.access import Scope, make_token
from jobline.ledger import commands
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import scripts_of
from tests.support.deployment import Deployment, Json
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.acceptance

SLOTS = 2
NAP_S = 1.0
#: Time beside the job itself: two processes are notified, on a machine that may be busy.
SLACK_S = 1.0
BATCHES, EACH = 10, 1_000


class SharedDeployment(Deployment):
    """A deployment for several tenants, each with a key of its own."""

    def enter(self, tenant: str) -> Deployment:
        """Return the deployment as a new tenant sees it, with a key that has all scopes."""
        credential, token = make_token()
        command = commands.access.add_access_key(
            credential, tenant=tenant, scopes=frozenset(Scope), name="", ttl_ms=None
        )
        with redis.Redis.from_url(self.redis.url) as client:
            client.eval(scripts_of(DEFAULT_LAYOUT)[command.script].text, 0, *command.args)
        seen = copy(self)
        seen.client = httpx.Client(
            base_url=self.client.base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        return seen


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedDeployment]:
    made = SharedDeployment(tmp_path_factory.mktemp("shared"), JOBLINE_AUTH="keys")
    try:
        made.redis.start()
        worker = made.start_worker("-Q", "fair,turns,narrow", slots=SLOTS)
        made.start_api()
        made.wait_ready(worker)
        yield made
    finally:
        made.close()


@pytest.fixture
def mine(shared: SharedDeployment) -> Iterator[Deployment]:
    seen = shared.enter("zoe")  # the last by name: whose turn it is decides, not the alphabet
    with seen.client:
        yield seen


@pytest.fixture
def theirs(shared: SharedDeployment) -> Iterator[Deployment]:
    seen = shared.enter("abe")
    with seen.client:
        yield seen


def test_ten_thousand_jobs_delay_another_tenants_by_one_at_most(mine: Deployment, theirs: Deployment) -> None:
    jobs = [
        {"task": "test.nap", "input": {"seconds": seconds}, "queue": "fair", "priority": 9}
        for seconds in (NAP_S, NAP_S * 0.7)  # so that no two slots become free at once
    ]
    for _ in range(BATCHES):
        assert theirs.client.post("/v1/batches", json={"jobs": jobs * (EACH // 2)}).status_code == 202
    wait_until(lambda: len(running(theirs, "fair")) == SLOTS, DEADLINE_S, "every slot is taken")

    job = mine.wait(mine.submit("test.nap", {"seconds": 0}, queue="fair", priority=0))
    created, started = moment(job, "created_at"), moment(job, "started_at")
    done = theirs.client.get("/v1/jobs", params={"queue": "fair", "state": "SUCCESS"}).json()["items"]
    overtook = [
        one for one in done + running(theirs, "fair") if created < moment(one, "started_at") < started
    ]
    cancelled = theirs.client.post("/v1/jobs/cancel", params={"queue": "fair"}).json()

    assert (started - created).total_seconds() <= NAP_S + SLACK_S
    assert overtook == []
    assert cancelled["revoked"] > BATCHES * EACH - 100
    assert not cancelled["has_more"]


def test_each_priority_counts_within_a_tenant(mine: Deployment) -> None:
    mine.submit("test.nap", {"seconds": 0}, queue="turns", delay_s=3600)  # makes the queue
    assert mine.client.post("/v1/queues/turns/pause").json()["paused"]
    given = (3, 9, 0, 7, 5, 1, 8, 2, 6, 4, 9, 0)
    jobs = [mine.submit("test.nap", {"seconds": 0.02}, queue="turns", priority=one) for one in given]
    depth = mine.client.get("/v1/queues/turns").json()["depth_by_priority"]
    assert not mine.client.post("/v1/queues/turns/resume").json()["paused"]

    ended = [mine.wait(job) for job in jobs]
    in_turn = sorted(ended, key=lambda job: -int(job["priority"]))
    starts = [moment(job, "started_at") for job in in_turn]
    assert depth == [2, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    assert starts == sorted(starts)


def test_task_runs_as_many_at_once_as_it_may_and_others_go_by(mine: Deployment, theirs: Deployment) -> None:
    jobs = [
        (deployment, deployment.submit(task, {"seconds": 0.3}, queue="narrow"))
        for task in ("test.narrow", "test.nap")
        for deployment in (mine, theirs) * 2
    ]
    ended = [deployment.wait(job) for deployment, job in jobs]

    assert {job["state"] for job in ended} == {"SUCCESS"}
    assert most_at_once(job for job in ended if job["task"] == "test.narrow") == 1
    assert most_at_once(ended) == SLOTS


def test_tenant_runs_as_many_at_once_as_it_may(
    shared: SharedDeployment, mine: Deployment, theirs: Deployment
) -> None:
    jobs = {
        deployment: [deployment.submit("test.nap", {"seconds": 0.3}, queue="bounded") for _ in range(count)]
        for deployment, count in ((mine, 4), (theirs, 3))
    }
    with shared.worker("-Q", "bounded", slots=3, JOBLINE_TENANT_MAX_RUNNING="1"):
        ended = {deployment: [deployment.wait(job) for job in own] for deployment, own in jobs.items()}

    assert [most_at_once(own) for own in ended.values()] == [1, 1]
    assert most_at_once(job for own in ended.values() for job in own) == len(jobs)


def running(deployment: Deployment, queue: str) -> list[Json]:
    items: list[Json] = deployment.client.get("/v1/jobs", params={"queue": queue, "state": "STARTED"}).json()[
        "items"
    ]
    return items


def moment(job: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(job[name])


def most_at_once(jobs: Iterable[Json]) -> int:
    """Return how many ran at the same time; a job that begins when another ends does not overlap with it."""
    steps = sorted(
        step for job in jobs for step in ((moment(job, "started_at"), 1), (moment(job, "finished_at"), -1))
    )
    most = now = 0
    for _, change in steps:
        now += change
        most = max(most, now)
    return most
