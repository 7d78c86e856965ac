"""Build the Celery app of a registry: stock Celery, with the ledger as broker and result backend.

The parts, each by Celery's or kombu's own extension point: `transport` (put = submit, get = claim), `backend`
(AsyncResult reads, the tracer settles), `request` (what the parent does about a lost process), `pulse`
(leases, ticks, cancels), and one Celery task for each declared Task, whose body is `runner.perform`.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Task as CeleryTask
from celery import signals
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from jobline.domain.registry import Registry, install_hint
from jobline.domain.settings import Settings
from jobline.domain.task import Task
from jobline.ledger.connect import BROKER_SCHEME, Connector
from jobline.ledger.recorder import Recorder
from jobline.worker.backend import LedgerBackend
from jobline.worker.entry_points import CONSUMER, PREFORK_POOL, REQUEST, TRANSPORT
from jobline.worker.outcome import Succeeded
from jobline.worker.pulse import PulseStep
from jobline.worker.runner import perform
from jobline.worker.ticket import ticket_of
from jobline.worker.tracer import AttemptFailed, to_tracer
from jobline.worker.wiring import JoblineCelery, Wiring

TRANSPORT_ALIASES[BROKER_SCHEME] = TRANSPORT

logger = logging.getLogger(__name__)


def build_celery(registry: Registry, settings: Settings) -> JoblineCelery:
    """Build an app that runs every task of the registry, and submits to the same ledger as the service."""
    connector = Connector.of(settings)
    wiring = Wiring(registry, settings, connector, Recorder(connector))
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
        "broker_url": wiring.connector.broker_url,
        "broker_transport": BROKER_SCHEME,
        "broker_transport_options": {"wiring": wiring, **wiring.connector.broker_options},
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
        "worker_consumer": CONSUMER,
        "worker_pool": PREFORK_POOL,
        "worker_prefetch_multiplier": 1,
        "worker_disable_rate_limits": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_lost_wait": 0.5,
        "worker_soft_shutdown_timeout": settings.stop_grace_s,
        "result_expires": settings.result_ttl_s,
        "enable_utc": True,
        "timezone": "UTC",
    }


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

    Request = REQUEST
    ignore_result = False
    store_errors_even_if_ignored = True
    #: Celery logs these without a traceback; the runner has logged that of an unexpected error.
    throws = (AttemptFailed,)


def tell_unavailable(sender: Any, **_: Any) -> None:
    """Say at start which tasks wait for an extra."""
    wiring = getattr(sender.app, "wiring", None)
    for item in wiring.registry.unavailable.values() if wiring else ():
        logger.warning(install_hint(item))
