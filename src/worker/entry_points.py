"""Where Celery and kombu find the worker's parts: import paths, which both take as text.

The command line builds a worker's command from these, so nothing may be imported here.
"""

#: The app, for ``celery -A``.
APP = "jobline.worker.main"

#: Pools, for ``--pool custom`` and ``CELERY_CUSTOM_WORKER_POOL``.
THREAD_POOL = "jobline.worker.pools:ThreadPool"
LIGHT_POOL = "jobline.worker.light:LightPool"
#: The pool of a worker that asks for none.
PREFORK_POOL = "jobline.worker.prefork:PreforkPool"

TRANSPORT = "jobline.worker.transport:Transport"
CONSUMER = "jobline.worker.consumer:Consumer"
WORKER = "jobline.worker.controller:Worker"
REQUEST = "jobline.worker.request:JobRequest"
CONTROL = "jobline.worker.control:Control"
