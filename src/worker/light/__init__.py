"""A pool of coroutines: thousands of `async def` jobs at once in one process, and short plain ones too.

Celery's tracer is a plain function that waits: for the task, for the ledger. Here each job runs the stock
tracer in a greenlet on the thread of Celery's event loop, which an asyncio loop shares (`poller`). Where the
tracer would wait, the greenlet hands an awaitable to the loop and sleeps until it is done. So hooks, signals,
retries and events keep their meaning, a waiting job costs a few kilobytes, and what many jobs ask of the
ledger in one turn of the loop goes out together.

A plain function stops the loop while it runs. So only tasks that have proved short run there; any other
runs on a thread of its own, one at a time (`plain`). A job that turns out long keeps the worker from claiming
until it ends, and what was claimed behind it goes back to the ledger.

Nothing here can be killed: a coroutine ends at its next `await` after a cancel or a timeout, a plain function
when it returns. Jobs that must be killable belong to the prefork pool.

Chosen by ``CELERY_CUSTOM_WORKER_POOL`` and ``--pool custom``; see `worker.entry_points`.
"""

from jobline.worker.light.pool import LightPool

__all__ = ["LightPool"]
