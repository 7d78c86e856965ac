"""The command line ``jobline``; a command imports what it runs, so `jobline --help` answers at once.

Development (`dev`, `demo`) supervises processes, `api` and `worker` are those processes, and every other
command is a client of the HTTP API. `jobline worker` becomes stock Celery, so of the worker only
`entry_points` is imported.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command of ``sys.argv``.

    The commands are imported here: the guard of `jobline dev` lives in this package, and starts without them.
    """
    from jobline.cli.program import run

    run()
