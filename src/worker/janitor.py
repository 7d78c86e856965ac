"""The janitor: a thread of the worker's parent process that keeps the shared disk clean.

It deletes the bytes of files that the ledger has deleted or that have expired, and what dead processes left
behind. Any worker does this for all, and every step may run twice or be cut off: an id leaves the ledger's
trash only after its bytes are gone.

It is a thread beside the pulse because a disk over a network can stall, and leases must be renewed meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jobline.domain.errors import LedgerUnavailable, NotFound
from jobline.files import FileStore, sweep_workspaces
from jobline.ledger import commands
from jobline.worker.pulse import ForkGate
from jobline.worker.resources import Resources

logger = logging.getLogger(__name__)

#: With the tick and a reservation of 30 s, bytes that nobody can read any more are gone within a minute.
EVERY_S = 10.0
WORKSPACES_EVERY_S = 3600.0


class Janitor(threading.Thread):
    """The thread; it ends with the process."""

    def __init__(self, resources: Resources) -> None:
        super().__init__(name="janitor", daemon=True)
        self._resources = resources
        self._data_dir = resources.settings.data_dir
        self._files = FileStore(self._data_dir)
        #: A fork waits for the commands, as for those of the pulse, but never for the disk.
        self._gate = ForkGate()

    def run(self) -> None:
        """Clean until the process ends."""
        next_workspaces = 0.0
        while True:
            self._do(self.empty_trash)
            self._do(self._files.sweep)
            if time.monotonic() >= next_workspaces:
                next_workspaces = time.monotonic() + WORKSPACES_EVERY_S
                self._do(lambda: sweep_workspaces(self._data_dir))
            time.sleep(EVERY_S)

    def _do(self, duty: Callable[[], object]) -> None:
        """Run one duty; the next round retries one that failed."""
        try:
            duty()
        except LedgerUnavailable:
            return  # the pulse logs it
        except OSError as error:
            logger.warning("The data directory cannot be cleaned; the worker retries: %s", error)
        except Exception:
            logger.exception("The data directory cannot be cleaned; the worker retries.")

    def empty_trash(self) -> None:
        """Delete the bytes of every file in the trash; one that cannot be deleted stays there."""
        deleted: list[str] = []
        while True:
            with self._gate.lock:
                named = self._resources.recorder.run(commands.files.trash(deleted))
            deleted = [file_id for file_id in named if self._delete(file_id)]
            if not deleted:
                return

    def _delete(self, file_id: str) -> bool:
        try:
            self._files.remove(file_id)
        except NotFound:  # an id that can have no bytes
            return True
        except OSError as error:
            logger.warning("The file %s cannot be deleted; the worker retries: %s", file_id, error)
            return False
        return True
