"""The two ways to the ledger: `Store` awaits a command, `Recorder` waits for it. No rule enters.

The service has a Store, a worker has a Recorder, and its pool of coroutines has both.
"""

from ledger.recorder import Recorder
from ledger.store import Store

__all__ = ["Recorder", "Store"]
