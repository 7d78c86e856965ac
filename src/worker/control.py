"""Remote control, where a command of Celery's would pass the ledger by: shutdown and revoke.

`app.control.revoke` and `AsyncResult.revoke` write to the ledger from the client, so a waiting job is
cancelled at once, with every worker down. `celery control revoke` asks the workers, which do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from celery.app.control import Control as StockControl
from celery.utils.functional import maybe_list
from celery.worker.control import control_command

from jobline.domain.access import PUBLIC
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.worker.resources import Resources, resources_of


class Control(StockControl):
    """Celery's client of remote control, with a revoke that is a cancel."""

    def revoke(self, task_id: str | Iterable[str], *_: Any, **__: Any) -> None:
        """Cancel jobs: those that wait end at once, those that run are asked to stop."""
        resources = resources_of(self.app)
        for command in cancels(task_id, resources):
            resources.recorder.run(command)


def cancels(ids: str | Iterable[str], resources: Resources) -> Iterator[Command[None]]:
    """Return the commands that cancel jobs; an unknown id changes nothing, as in Celery."""
    for job_id in maybe_list(ids) or ():
        command = commands.jobs.cancel(job_id, PUBLIC, resources.settings.retention)
        yield Command(command.script, command.args, lambda _: None)


@control_command(name="shutdown")
def shutdown(panel: Any, **_: Any) -> dict[str, str]:
    """Stop this worker as SIGTERM does."""
    resources_of(panel.app).stop.begin()
    return {"ok": "this worker stops"}


@control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(panel: Any, task_id: str | Iterable[str], **_: Any) -> dict[str, str]:
    """Cancel jobs: those that wait end at once, those that run are asked to stop."""
    resources = resources_of(panel.app)
    for command in cancels(task_id, resources):
        resources.outbox.put(command)
    return {"ok": f"cancels {task_id}"}
