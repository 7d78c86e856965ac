"""Test your tasks: one attempt without Redis (``run``), or the whole service on this machine (``service``).

Neither needs pytest. `docs/testing.md` has examples.
"""

from jobline.domain.record import Failure
from jobline.testing.attempt import run
from jobline.testing.files import FileChanged, file_id
from jobline.testing.outcome import LogLine, NoResult, Outcome, Progress
from jobline.testing.running import Service, service

__all__ = [
    "Failure",
    "FileChanged",
    "LogLine",
    "NoResult",
    "Outcome",
    "Progress",
    "Service",
    "file_id",
    "run",
    "service",
]
