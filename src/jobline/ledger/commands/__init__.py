"""Intents as commands: which script, which arguments, how its reply reads. Pure: nothing here touches Redis.

The service awaits a `Command`, the worker calls it; each rule is written once, in ``lua/``. A module is a
family of verbs, with each verb's script beside its function: ``commands.jobs.cancel(…)``.
"""

from jobline.ledger.commands import (
    access,
    attempts,
    batches,
    bulk,
    clock,
    events,
    files,
    jobs,
    queues,
    submitting,
    version,
)

__all__ = [
    "access",
    "attempts",
    "batches",
    "bulk",
    "clock",
    "events",
    "files",
    "jobs",
    "queues",
    "submitting",
    "version",
]
