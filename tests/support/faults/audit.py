"""An audit of the whole ledger after a fault: everything in it that is not as it should be."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import redis

from jobline.ledger.keys import DEFAULT_PREFIX, Key
from tests.model.comparison.records import read_history
from tests.model.entities import FINAL_EVENT

#: Keys that exist once; `keys.py` states their bounds.
SINGLE = {
    key.of()
    for key in (
        Key.VERSION, Key.CLOCK, Key.TICK, Key.FEED, Key.WORKERS, Key.QUEUES, Key.PAUSED, Key.LEASES,
        Key.START_BY, Key.FINISHED, Key.FILES, Key.TRASH, Key.TASKS_RUNNING, Key.TENANTS_RUNNING,
    )
}  # fmt: skip
#: Kinds that end with a job, a queue or a tenant.
OWNED = {
    "job",
    "events",
    "index",
    "indexes",
    "tag-index",
    "wait",
    "due",
    "blocked",
    "rotation",
    "blocked-rotation",
}
#: The answer of Redis for a key without a TTL.
FOR_EVER = -1
#: Six states of each partition, with room.
INDEXES_AT_MOST = 200
#: Keys of Celery itself: the queues of its transport and of remote control. The entry of a killed worker
#: stays until kombu finds it expired, so the number of workers that one run starts bounds them.
CELERY = "_kombu.binding"
BINDINGS_AT_MOST = 500
#: Kinds with a TTL of their own from the start.
SHORT_LIVED = ("gone:", "worker:", "cancels:", "void:", "ended:")


def find_faults(ledger: redis.Redis) -> list[str]:
    """Return what is wrong; empty when records, indexes, waiting order and TTLs agree."""
    return Audit(ledger).run()


class Audit:
    """Every key, read once, and the comparisons."""

    def __init__(self, ledger: Any) -> None:  # redis-py types every reply as bytes or text
        self.ledger = ledger
        self.wrong: list[str] = []
        self.queues: dict[str, str] = ledger.hgetall(Key.QUEUES.of())
        self.keys: list[str] = sorted(self.ledger.scan_iter(f"{DEFAULT_PREFIX}*", count=1000))
        self.ttl_ms: dict[str, int] = self.read("pttl", self.keys)
        job_keys = [key for key in self.keys if key.startswith(Key.JOB.of(""))]
        self.jobs: dict[str, dict[str, str]] = {
            key.removeprefix(Key.JOB.of("")): record for key, record in self.read("hgetall", job_keys).items()
        }
        self.events: dict[str, list[str]] = self.read("lrange", map(Key.EVENTS.of, self.jobs), 0, -1)

    def read(self, command: str, keys: Iterable[str], *arguments: object) -> dict[str, Any]:
        """Run the same command for many keys in one round trip."""
        names = list(keys)
        pipe = self.ledger.pipeline(transaction=False)
        for name in names:
            getattr(pipe, command)(name, *arguments)
        return dict(zip(names, pipe.execute(), strict=True))

    def run(self) -> list[str]:
        """Run every comparison."""
        places = self.read_places()
        indexes = self.read_indexes()
        for job, record in self.jobs.items():
            self.check_place(job, record, places[job])
            self.check_index(job, record, indexes[job])
            self.check_events(job, record)
            self.check_life(job, record)
        for job in {*places, *indexes} - set(self.jobs):
            self.wrong.append(f"{job} stands in {places[job] or indexes[job]} and has no record")
        self.check_tags()
        self.check_start_by()
        self.check_depths(places)
        self.check_owners()
        return self.wrong

    def read_places(self) -> dict[str, list[str]]:
        """Say in which of the lines that a job can stand in it stands."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in self.keys:
            kind, _, name = key.removeprefix(DEFAULT_PREFIX).partition(":")
            if kind in {"wait", "due", "blocked", "leases", "finished"}:
                for job in self.ledger.zrange(key, 0, -1):
                    found[job].append(f"{kind}:{name}")
        return found

    def read_indexes(self) -> dict[str, list[str]]:
        """Say in which indexes each job is."""
        found: dict[str, list[str]] = defaultdict(list)
        named: set[str] = set()
        for key in self.keys:
            kind, _, rest = key.removeprefix(DEFAULT_PREFIX).partition(":")
            if kind == "index":
                for job in self.ledger.zrange(key, 0, -1):
                    found[job].append(rest)
                named.add(rest)
        listed: set[str] = set()
        for key in self.keys:
            if key.startswith(Key.INDEXES.of("")):
                listed |= self.ledger.smembers(key)
        if named - listed:
            self.wrong.append(f"indexes that no list names: {named - listed}")
        if len(listed) > INDEXES_AT_MOST:
            self.wrong.append(f"{len(listed)} names of indexes")
        return found

    def check_place(self, job: str, record: dict[str, str], places: list[str]) -> None:
        """Compare a job's waiting line with its state."""
        state, (tenant, task, queue) = record["state"], record["partition"].split(":")
        waiting = {f"wait:{queue}:{tenant}", f"due:{queue}", f"blocked:{task}:{queue}:{tenant}"}
        allowed = {
            "PENDING": waiting,
            "RETRY": waiting,
            "STARTED": {"leases:"},
        }.get(state, {"finished:"})
        if len(places) != 1 or places[0] not in allowed:
            self.wrong.append(f"{job} is {state} and stands in {places}")
        if state in {"PENDING", "RETRY"} and queue not in self.queues:
            self.wrong.append(f"{job} waits in {queue}, which the tick does not look at")
        if places and places[0].startswith("wait:"):
            rank = self.ledger.zscore(DEFAULT_PREFIX + places[0], job)
            if int(rank or 0) // 562949953421312 != 9 - int(record["priority"]):
                self.wrong.append(f"{job} of priority {record['priority']} waits at rank {rank}")

    def check_index(self, job: str, record: dict[str, str], indexes: list[str]) -> None:
        """Hold a job's index against its record."""
        if indexes != [f"{record['state']}:{record['partition']}"]:
            self.wrong.append(f"{job} is {record['state']} and is in {indexes}")

    def check_events(self, job: str, record: dict[str, str]) -> None:
        """Compare a job's history with its state."""
        lines = self.events[Key.EVENTS.of(job)]
        kinds = read_history(record, lines)
        if not kinds or kinds[0] != "job.created" or kinds.count("job.created") != 1:
            self.wrong.append(f"{job}'s history begins {kinds[:2]}")
        finals = [kind for kind in kinds if kind in FINAL_EVENT.values()]
        wanted = [FINAL_EVENT[record["state"]]] if record["state"] in FINAL_EVENT else []
        if finals != wanted or (wanted and kinds[-1] != wanted[0]):
            self.wrong.append(f"{job} is {record['state']} and its history ends {kinds[-3:]}")
        for line in lines:
            json.loads(line.split(" ", 2)[2])

    def check_life(self, job: str, record: dict[str, str]) -> None:
        """Compare a job's TTL and the fields of its record with its state."""
        is_final = record["state"] in FINAL_EVENT
        for key in (Key.JOB.of(job), Key.EVENTS.of(job)):
            if not is_final and self.ttl_ms[key] != FOR_EVER:
                self.wrong.append(f"{key} is of a job in {record['state']} and may vanish")
        if is_final and ("result" in record) == ("error" in record):
            self.wrong.append(f"{job} is {record['state']} with result {'result' in record}")
        if record["state"] == "SUCCESS" and "result" not in record:
            self.wrong.append(f"{job} is SUCCESS without a result")
        if int(record.get("attempt", 0)) > int(record["max_attempts"]):
            self.wrong.append(f"{job} had attempt {record['attempt']} of {record['max_attempts']}")

    def check_depths(self, places: dict[str, list[str]]) -> None:
        """Compare the counts of waiting jobs, and the rotations, with the lines."""
        counted: dict[str, int] = defaultdict(int)
        for job, found in places.items():
            if found and found[0].startswith(("wait:", "due:", "blocked:")):
                counted[self.jobs[job]["partition"].rpartition(":")[2]] += 1
        recorded = {queue: int(depth) for queue, depth in self.queues.items() if int(depth)}
        if recorded != counted:
            self.wrong.append(f"the queues hold {dict(counted)} and are said to hold {recorded}")
        for key in self.keys:
            if key.startswith(f"{DEFAULT_PREFIX}wait:"):
                _, _, queue, tenant = key.split(":")
                is_at_limit = self.ledger.sismember(Key.AT_LIMIT.of(tenant), queue)
                if self.ledger.zscore(Key.ROTATION.of(queue), tenant) is None and not is_at_limit:
                    self.wrong.append(f"{tenant} waits in {queue} and gets no turn")

    def check_tags(self) -> None:
        """Compare the index of tags with the records."""
        indexed = {
            (key.rpartition(":")[2], job)
            for key in self.keys
            if key.startswith(f"{DEFAULT_PREFIX}tag-index:")
            for job in self.ledger.zrange(key, 0, -1)
        }
        recorded = {
            (tag, job) for job, record in self.jobs.items() for tag in json.loads(record.get("tags", "[]"))
        }
        if indexed != recorded:
            self.wrong.append(f"tags and their index differ: {indexed ^ recorded}")

    def check_start_by(self) -> None:
        """Compare the index of start deadlines with the records; a job is in it until its first start."""
        listed = set(self.ledger.zrange(Key.START_BY.of(), 0, -1))
        recorded = {
            job
            for job, record in self.jobs.items()
            if record["state"] == "PENDING" and "start_by" in record and not int(record.get("attempt", 0))
        }
        if listed != recorded:
            self.wrong.append(f"who must start in time, and their index, differ: {listed ^ recorded}")

    def check_owners(self) -> None:
        """Find keys that have no owner, no TTL and no bound."""
        for key in self.keys:
            if key.startswith(DEFAULT_PREFIX + CELERY):
                self.check_celery(key)
                continue
            kind, _, name = key.removeprefix(DEFAULT_PREFIX).partition(":")
            if key in SINGLE or kind in OWNED:
                if kind == "events" and name not in self.jobs:
                    self.wrong.append(f"{key} has no job")
            elif kind == "wake":
                if self.ledger.llen(key) > 64:
                    self.wrong.append(f"{key} holds {self.ledger.llen(key)} tokens")
            elif kind == "idem":
                job = (self.ledger.get(key) or " ").split(" ")[1]
                if job not in self.jobs:
                    self.wrong.append(f"{key} names {job!r}, which is no job")
            elif not key.removeprefix(DEFAULT_PREFIX).startswith(SHORT_LIVED) or self.ttl_ms[key] <= 0:
                self.wrong.append(f"{key} lives {self.ttl_ms[key]} ms and has no bound")

    def check_celery(self, key: str) -> None:
        """Check the bound of one of Celery's own keys."""
        is_set = self.ledger.type(key) == "set"
        if (self.ledger.scard(key) if is_set else self.ledger.zcard(key)) > BINDINGS_AT_MOST:
            self.wrong.append(f"{key} has more than {BINDINGS_AT_MOST} entries")
