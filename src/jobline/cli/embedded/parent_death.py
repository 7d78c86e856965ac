"""Child processes that end with their parent, even when the parent is killed with SIGKILL.

This file is also the launcher itself: a bare interpreter that asks the kernel for SIGKILL at its parent's
death (PR_SET_PDEATHSIG, prctl(2)) and becomes the command, keeping the pid. A ``preexec_fn`` would do the
same, but it runs Python between fork and exec, which can deadlock when the parent has threads. It must import
nothing but the standard library.

The kernel counts the *thread* that started the child as its parent: start children from one that lives as
long. macOS has no such call: there the command simply runs, and the pid file of `jobline dev` finds what was
left.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

#: <linux/prctl.h>
PR_SET_PDEATHSIG = 1


def bind_to_parent(command: Sequence[str]) -> list[str]:
    """Return a command that ends with the calling process; its first word must be an absolute path."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> None:
    """Become the command; exit with 1 instead when the parent has died already."""
    parent, command = int(arguments[0]), list(arguments[1:])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - to become the command without a shell is this file's purpose


if __name__ == "__main__":
    main(sys.argv[1:])
