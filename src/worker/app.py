"""The Celery app of a registry: stock Celery, with the ledger as broker and result backend.

Each part uses an extension point of Celery or kombu: `transport` submits and claims, `backend` reads jobs
and reports outcomes, `request` handles a dead process, `pulse` keeps leases. Each declared Task becomes one
Celery task, whose body is `runner.perform`.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from celery import Celery, signals
from celery import Task as CeleryTask
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from jobline.domain.registry import Registry, install_hint
from jobline.domain.settings import Settings
from jobline.domain.task import Task
from jobline.ledger.connect import BROKER_SCHEME, Connector
from jobline.ledger.recorder import Recorder
from jobline.worker.backend import LedgerBackend
from jobline.worker.bootsteps import PulseStep
from jobline.worker.entry_points import CONSUMER, CONTROL, PREFORK_POOL, REQUEST, TRANSPORT, WORKER
from jobline.worker.outcome import Succeeded
from jobline.worker.resources import Resources, ResourcesOption
from jobline.worker.runner import perform
from jobline.worker.ticket import ticket_of
from jobline.worker.tracer import AttemptFailed, to_tracer

TRANSPORT_ALIASES[BROKER_SCHEME] = TRANSPORT

logger = logging.getLogger(__name__)


def build_celery(registry: Registry, settings: Settings) -> JoblineCelery:
    """Return an app that runs every task of the registry, and submits to the same ledger as the service."""
    connector = Connector.of(settings)
    resources = Resources(registry, settings, connector, Recorder(connector))
    app = JoblineCelery("jobline", backend=LedgerBackend, set_as_current=False, fixups=[])
    app.resources = resources
    app.conf.update(configuration(resources))
    for item in registry:
        register(app, item)
    app.steps["worker"].add(PulseStep)
    signals.worker_init.connect(warn_unavailable, weak=False, dispatch_uid="jobline-unavailable")
    return app


def configuration(resources: Resources) -> dict[str, Any]:
    """Return Celery's settings; docs/guarantees.md has the reason for each."""
    settings = resources.settings
    return {
        "broker_url": resources.connector.broker_url,
        "broker_transport": BROKER_SCHEME,
        "broker_transport_options": {
            "resources_option": ResourcesOption.of(resources),
            **resources.connector.broker_options,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A full Redis refuses what Celery writes as it connects.
        "broker_channel_error_retry": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "default",
        "task_queues": [Queue(name, Exchange(""), routing_key=name) for name in resources.registry.queues],
        "task_routes": {
            item.name: {"queue": item.queue, "routing_key": item.queue} for item in resources.registry
        },
        # The lease replaces the acknowledgement.
        "task_acks_late": False,
        "task_track_started": False,
        "task_publish_retry": False,
        "worker_consumer": CONSUMER,
        "worker_pool": PREFORK_POOL,
        "worker_prefetch_multiplier": 1,
        "worker_disable_rate_limits": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_lost_wait": 0.5,
        "result_expires": settings.result_ttl_s,
        "enable_utc": True,
        "timezone": "UTC",
    }


def register(app: JoblineCelery, item: Task[Any, Any]) -> None:
    """Register one declared Task with Celery, under its name."""

    def run(self: CeleryTask, text: str) -> Succeeded:
        return to_tracer(self, perform(item, text, ticket_of(self.request), app.resources))

    run.__doc__ = item.summary
    app.task(
        run,
        name=item.name,
        bind=True,
        base=JobTask,
        shared=False,  # for this app alone: another app of the process may have a task of this name
        typing=False,  # a client calls it with the input, the worker with the input's JSON
    )


class JobTask(CeleryTask):
    """The Celery task behind every declared Task."""

    Request = REQUEST
    ignore_result = False
    store_errors_even_if_ignored = True
    #: Celery logs these without a traceback; the runner has logged that of an unexpected error.
    throws = (AttemptFailed,)


class JoblineCelery(Celery):
    """Celery with the resources that its transport, result backend and bootsteps share."""

    resources: Resources
    control_cls = CONTROL

    @cached_property
    def Worker(self) -> Any:  # noqa: N802 - Celery's own hook for the worker's class
        """The class of the worker program."""
        return self.subclass_with_self(WORKER)


def warn_unavailable(sender: Any, **_: Any) -> None:
    """Log at start which tasks are not offered because their extra is not installed."""
    resources = getattr(sender.app, "resources", None)
    for item in resources.registry.unavailable.values() if resources else ():
        logger.warning(install_hint(item))
