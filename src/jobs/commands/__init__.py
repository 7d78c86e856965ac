"""Intents as commands: which script, which arguments, how its reply reads. Pure: nothing here touches Redis.

The service awaits a Command, the worker calls it; the rule of each stands in ``lua/`` once. Scripts build
every key from the templates of `keys.py`, so a command passes no keys.
"""

from jobs.commands.access import (
    Counted,
    KeyFound,
    count_requests,
    drop_access_key,
    keep_access_key,
    list_access_keys,
    read_access_key,
)
from jobs.commands.attempts import (
    Claimed,
    Disowned,
    Limits,
    Noted,
    PublishedArtifact,
    Renewed,
    Settled,
    claim,
    disown,
    fail,
    lose,
    release,
    renew,
    report,
    retry,
    stop,
    succeed,
)
from jobs.commands.batches import Batch, BatchOrder, read_batch, submit_batch
from jobs.commands.clock import Ticked, WorkerSeen, leave, tick, workers
from jobs.commands.command import Argument, Command, Lives, Reply
from jobs.commands.events import History, read_feed, read_history
from jobs.commands.files import drop_file, keep_file, read_artifacts, read_files, trash
from jobs.commands.jobs import Cancelled, Filter, Page, cancel, delete, list_jobs, read_job, retry_job
from jobs.commands.many import ManyCancelled, ManyRetried, cancel_many, retry_many
from jobs.commands.queues import QueueSeen, list_queues, pause, read_queue, resume
from jobs.commands.submitting import Receipt, Submitted, submit

__all__ = [
    "Argument",
    "Batch",
    "BatchOrder",
    "Cancelled",
    "Claimed",
    "Command",
    "Counted",
    "Disowned",
    "Filter",
    "History",
    "KeyFound",
    "Limits",
    "Lives",
    "ManyCancelled",
    "ManyRetried",
    "Noted",
    "Page",
    "PublishedArtifact",
    "QueueSeen",
    "Receipt",
    "Renewed",
    "Reply",
    "Settled",
    "Submitted",
    "Ticked",
    "WorkerSeen",
    "cancel",
    "cancel_many",
    "claim",
    "count_requests",
    "delete",
    "disown",
    "drop_access_key",
    "drop_file",
    "fail",
    "keep_access_key",
    "keep_file",
    "leave",
    "list_access_keys",
    "list_jobs",
    "list_queues",
    "lose",
    "pause",
    "read_access_key",
    "read_artifacts",
    "read_batch",
    "read_feed",
    "read_files",
    "read_history",
    "read_job",
    "read_queue",
    "release",
    "renew",
    "report",
    "resume",
    "retry",
    "retry_job",
    "retry_many",
    "stop",
    "submit",
    "submit_batch",
    "succeed",
    "tick",
    "trash",
    "workers",
]
