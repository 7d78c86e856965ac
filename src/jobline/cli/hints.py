"""How the commands that a hint prints are to be typed here, so that they work when they are copied."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def program_words() -> str:
    """Return ``jobline`` where it is on the PATH, else the path of this environment's own."""
    own = Path(sys.executable).with_name("jobline")
    found = shutil.which("jobline")
    if found and Path(found).exists() and own.exists() and Path(found).samefile(own):
        return "jobline"
    if not own.exists():
        return f"{shlex.quote(sys.executable)} -m jobline.cli"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def port_words() -> str:
    """Return how to choose another port: as an option, or as a variable of make."""
    return "PORT=8001 (make run PORT=8001)" if os.environ.get("MAKELEVEL") else "--port"
