"""Build the Celery app of a registry: stock Celery, with the ledger as broker and result backend.

The parts, each by Celery's or kombu's own extension point: `transport` (put = submit, get = claim), `backend`
(AsyncResult reads, the tracer settles), `request` (what the parent does about a lost process), `pulse`
(leases, ticks, cancels), and one Celery task for each declared Task, whose body is `runner.perform`.
"""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Task as CeleryTask
from celery import signals
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from jobline.domain.registry import Registry, install_hint
from jobline.domain.settings import Settings
from jobline.domain.task import Task
from jobline.ledger.recorder import Recorder
from jobline.worker.backend import LedgerBackend
from jobline.worker.outcome import Succeeded
from jobline.worker.pulse import PulseStep
from jobline.worker.runner import perform
from jobline.worker.ticket import ticket_of
from jobline.worker.tracer import AttemptFailed, to_tracer
from jobline.worker.wiring import JoblineCelery, Wiring

#: Our transport, as kombu finds it by name: in the URL of a socket file it takes no path of a module.
SCHEME = "jobline"
TRANSPORT_ALIASES[SCHEME] = "jobline.worker.transport:Transport"

logger = logging.getLogger(__name__)

#: Kombu writes on the worker's event loop, and waits there for some answers (to a heartbeat, a refreshed
#: binding, a ping): on a connection that went mute, each holds up the claims for so long. Seconds.
MUTE_S = 2
#: A connection that was closed may still have a claim to send, and would try for minutes: the claim could
#: come after it was disowned. Milliseconds; before the transport finds the connection dead, which is MUTE_S
#: after the end of a BRPOP of a second.
GIVE_UP_UNSENT = {socket.TCP_USER_TIMEOUT: MUTE_S * 1000} if sys.platform == "linux" else {}


def build_celery(registry: Registry, settings: Settings) -> JoblineCelery:
    """Build an app that runs every task of the registry, and submits to the same ledger as the service."""
    wiring = Wiring(registry, settings, Recorder(settings.ledger_url))
    app = JoblineCelery("jobline", backend=LedgerBackend, set_as_current=False, fixups=[])
    app.wiring = wiring
    app.conf.update(configuration(wiring))
    for item in registry:
        register(app, item)
    app.steps["worker"].add(PulseStep)
    signals.worker_init.connect(tell_unavailable, weak=False, dispatch_uid="jobline-unavailable")
    return app


def configuration(wiring: Wiring) -> dict[str, Any]:
    """Give Celery's settings; the reasons of each stand in docs/guarantees.md."""
    settings = wiring.settings
    return {
        "broker_url": to_broker_url(settings.ledger_url),
        "broker_transport": SCHEME,
        "broker_transport_options": {
            "wiring": wiring,
            "socket_timeout": MUTE_S,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "socket_keepalive_options": GIVE_UP_UNSENT,
            "health_check_interval": MUTE_S,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Of a full Redis, which refuses what Celery writes as it connects.
        "broker_channel_error_retry": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "default",
        "task_queues": [Queue(name, Exchange(""), routing_key=name) for name in wiring.registry.queues],
        "task_routes": {
            item.name: {"queue": item.queue, "routing_key": item.queue} for item in wiring.registry
        },
        # The lease acknowledges: a message of ours means nothing once the job is claimed.
        "task_acks_late": False,
        "task_track_started": False,
        "task_publish_retry": False,
        "worker_consumer": "jobline.worker.consumer:Consumer",
        "worker_pool": "jobline.worker.prefork:PreforkPool",
        "worker_prefetch_multiplier": 1,
        "worker_disable_rate_limits": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_lost_wait": 0.5,
        "worker_soft_shutdown_timeout": settings.stop_grace_s,
        "result_expires": settings.result_ttl_s,
        "enable_utc": True,
        "timezone": "UTC",
    }


def to_broker_url(url: str) -> str:
    """Write the ledger's address for kombu, which has words of its own for a socket file and its database."""
    if not url.startswith("unix://"):
        return url
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    database, password = query.get("db", ["0"])[0], query.get("password", [""])[0] or parts.password
    user = f"{parts.username or ''}:{password}@" if password else ""
    return f"{SCHEME}+socket://{user}{parts.path}?virtual_host={database}"


def register(app: JoblineCelery, item: Task[Any, Any]) -> None:
    """Make one declared Task known to Celery, under its name."""

    def run(self: CeleryTask, text: str) -> Succeeded:
        return to_tracer(self, perform(item, text, ticket_of(self.request), app.wiring))

    run.__doc__ = item.summary
    app.task(
        run,
        name=item.name,
        bind=True,
        base=JobTask,
        shared=False,  # with this app alone: another app of the process may have a task of this name
        typing=False,  # a client calls with the input, the worker with its text
    )


class JobTask(CeleryTask):
    """Be the Celery task behind every declared Task."""

    Request = "jobline.worker.request:JobRequest"
    ignore_result = False
    store_errors_even_if_ignored = True
    #: Celery logs these without a traceback; the runner has logged that of an unexpected error.
    throws = (AttemptFailed,)


def tell_unavailable(sender: Any, **_: Any) -> None:
    """Say at start which tasks wait for an extra."""
    wiring = getattr(sender.app, "wiring", None)
    for item in wiring.registry.unavailable.values() if wiring else ():
        logger.warning(install_hint(item))
