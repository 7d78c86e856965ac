"""A pool of coroutines: thousands of `async def` jobs at once in one process, and short plain ones too.

Celery's tracer is a plain function that blocks: on the task, on the ledger. Here each job runs the stock
tracer in a greenlet on the thread of Celery's event loop, and an asyncio loop shares that thread (`poller`).
Where the tracer would block, the greenlet passes an awaitable to the asyncio loop and sleeps until it is
done. So hooks, signals, retries and events work as in any pool, an idle job costs a few kilobytes, and the
commands that many jobs send to the ledger in one turn of the loop go out together.

A plain function (`def`) stops the loop while it runs. So only tasks that have proved short run there; the
others run one at a time on a thread of their own (`plain`). While a long one runs, the worker claims
nothing, and releases what it has claimed behind it.

Nothing here can be killed: after a cancel or a timeout a coroutine ends at its next `await`, a plain function
when it returns. Jobs that must be killable belong in the prefork pool.

Chosen by ``CELERY_CUSTOM_WORKER_POOL`` and ``--pool custom``; see `worker.entry_points`.
"""

from jobline.worker.light.pool import LightPool

__all__ = ["LightPool"]
