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
    Noted,
    PublishedArtifact,
    Renewed,
    Settled,
    claim,
    fail,
    lose,
    release,
    renew,
    report,
    retry,
    stop,
    succeed,
)
from jobs.commands.clock import Ticked, WorkerSeen, tick, workers
from jobs.commands.command import Argument, Command, Lives, Reply
from jobs.commands.events import History, read_feed, read_history
from jobs.commands.files import drop_file, keep_file, read_artifacts, read_files, trash
from jobs.commands.jobs import Cancelled, Page, cancel, list_jobs, read_job
from jobs.commands.submitting import Receipt, Submitted, submit

__all__ = [
    "Argument",
    "Cancelled",
    "Claimed",
    "Command",
    "Counted",
    "History",
    "KeyFound",
    "Lives",
    "Noted",
    "Page",
    "PublishedArtifact",
    "Receipt",
    "Renewed",
    "Reply",
    "Settled",
    "Submitted",
    "Ticked",
    "WorkerSeen",
    "cancel",
    "claim",
    "count_requests",
    "drop_access_key",
    "drop_file",
    "fail",
    "keep_access_key",
    "keep_file",
    "list_access_keys",
    "list_jobs",
    "lose",
    "read_access_key",
    "read_artifacts",
    "read_feed",
    "read_files",
    "read_history",
    "read_job",
    "release",
    "renew",
    "report",
    "retry",
    "stop",
    "submit",
    "succeed",
    "tick",
    "trash",
    "workers",
]
