"""The legal moves of jobs and files, in plain Python: what the ledger's scripts must do, said a second time.

Written from docs/guarantees.md and the heads of the scripts, with none of their ways: no indexes, no keys; a
dictionary of jobs is searched for whatever is asked. One file a family of verbs.
"""

from tests.model.rules.claims import Claims, Seen
from tests.model.rules.clock import Clock
from tests.model.rules.creation import Creation
from tests.model.rules.files import Files
from tests.model.rules.requests import Requests


class Model(Creation, Claims, Clock, Requests, Files):
    """Move jobs as the ledger should."""


__all__ = ["Model", "Seen"]
