"""What the API and a worker do first: find the user's modules, read the settings, load the tasks.

A wrong setting or a task module that cannot be loaded ends the process with one line and exit status 2, which
says to a supervisor that a restart does not help. Everything that both shells need before they are built
belongs here; nothing of either of them may enter. Run as a program (``python -m jobline.startup``), this
module checks the settings and the task modules, and does nothing else.
"""

from __future__ import annotations

import os
import sys

from jobline.domain.errors import DeclarationError, SettingsError
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings, read_settings

#: The exit status for what only a person can mend: settings and task modules. Click's own for wrong options.
MISCONFIGURED = 2


def start() -> tuple[Settings, Registry]:
    """Return the settings and the tasks on offer; raises SystemExit(2), after one line, when one is wrong."""
    put_working_directory_first()
    try:
        settings = read_settings()
        return settings, Registry.load(settings.tasks)
    except (SettingsError, DeclarationError) as error:
        sys.stderr.write(f"jobline: {error}\n")
        raise SystemExit(MISCONFIGURED) from None


def put_working_directory_first() -> None:
    """Let a user's ``tasks.py`` be found in the working directory, before any package of its name.

    It is added although it may be there: Celery puts it there while it imports the app alone, and takes the
    first one away again.
    """
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds strings


if __name__ == "__main__":
    start()
