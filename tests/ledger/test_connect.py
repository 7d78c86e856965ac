"""The ledger behind a socket file, by every way there is to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from jobline.cli.embedded import find_server
from jobline.domain.settings import Settings
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.ledger.store import Store
from jobline.service.events.dispatcher import Dispatcher
from jobline.service.events.feed import Feed
from jobline.service.events.frames import write_frame
from jobline.service.server.shutdown import Shutdown
from jobline.worker.app import build_celery
from tests.support.waiting import wait_until
from tests.support.worker import REGISTRY

START_S = 10.0


@pytest.fixture
def socket_url(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(file), "--dir", str(tmp_path), "--save", "")
    server = subprocess.Popen([str(find_server()), *options], stdout=subprocess.DEVNULL)
    try:
        wait_until(file.exists, START_S, "the server listens")
        yield f"unix://{file}"
    finally:
        server.terminate()
        server.wait()


async def test_service_reads_and_listens_through_a_socket_file(socket_url: str) -> None:
    connector = Connector(socket_url)
    store = Store(connector)
    dispatcher, feed = (
        Dispatcher(connector, Shutdown()),
        Feed(connector, partial(write_frame, tracebacks=False)),
    )
    assert (await store.run(commands.jobs.list_jobs("public", limit=5))).records == []
    await dispatcher.ready()
    for one in (dispatcher, feed, store):
        await one.close()


def test_stock_client_submits_through_a_socket_file(socket_url: str, tmp_path: Path) -> None:
    app = build_celery(REGISTRY, Settings(redis_url=SecretStr(f"{socket_url}?db=1"), data_dir=tmp_path))
    sent = app.send_task("end.well", [{"text": "a"}])
    recorder = Recorder(Connector(f"{socket_url}?db=1"))
    assert recorder.run(commands.jobs.read_job(sent.id, "public")).state is State.PENDING
    recorder.close()
