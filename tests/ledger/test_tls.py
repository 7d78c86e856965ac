"""TLS with a private certificate authority, through every client of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError
from pydantic import SecretStr

from jobline.domain.errors import LedgerUnavailable
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
from jobline.worker.app import JoblineCelery, build_celery
from tests.support.tls_proxy import Authority, TlsProxy
from tests.support.worker import REGISTRY

USER, PASSWORD = "carla", "s3cret/#?"
QUOTED = "s3cret%2F%23%3F"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def proxy(redis_url: str, authority: Authority) -> Iterator[TlsProxy]:
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all")
        with TlsProxy(redis_url, authority) as made:
            yield made
        client.execute_command("ACL", "DELUSER", USER)


def url_of(proxy: TlsProxy, authority: Authority) -> str:
    return f"rediss://{USER}:{QUOTED}@127.0.0.1:{proxy.port}/0?ssl_ca_certs={authority.file}"


def app_of(url: str, data_dir: Path) -> JoblineCelery:
    return build_celery(REGISTRY, Settings(redis_url=SecretStr(url), data_dir=data_dir))


async def test_service_reads_and_listens_over_tls(proxy: TlsProxy, authority: Authority) -> None:
    """A managed Redis takes TLS alone: the service's three connections must all speak it."""
    connector = Connector(url_of(proxy, authority))
    store, dispatcher = Store(connector), Dispatcher(connector, Shutdown())
    feed = Feed(connector, partial(write_frame, tracebacks=False))
    assert (await store.run(commands.jobs.list_jobs("public", limit=5))).records == []
    await dispatcher.ready()
    await feed._feed.skip_to_end()
    for one in (dispatcher, feed, store):
        await one.close()
    assert proxy.plaintext == []


def test_stock_client_submits_and_worker_transport_consumes_over_tls(
    proxy: TlsProxy, authority: Authority, tmp_path: Path
) -> None:
    """Kombu drops TLS behind a transport alias, and would send the password in plaintext."""
    url = url_of(proxy, authority)
    app = app_of(url, tmp_path)
    sent = app.send_task("end.well", [{"text": "a"}])
    recorder = Recorder(Connector(url))
    assert recorder.run(commands.jobs.read_job(sent.id, "public")).state is State.PENDING
    recorder.close()
    with app.connection() as connection:
        channel = connection.default_channel
        assert channel.client.ping()
        assert channel.client.connection_pool.connection_class.__mro__.index(redis.SSLConnection)
        polled = channel._create_client(asynchronous=True)
        assert polled.ping()
    assert proxy.plaintext == []


@pytest.mark.parametrize("query", ["other-ca", "none"])
async def test_certificate_of_another_authority_is_refused_by_every_client(
    proxy: TlsProxy, tmp_path: Path, query: str
) -> None:
    """Whoever stands between Jobline and Redis must not learn the password, nor see a job."""
    other = Authority(tmp_path / "other")
    url = f"rediss://{USER}:{QUOTED}@127.0.0.1:{proxy.port}/0"
    url += f"?ssl_ca_certs={other.file}" if query == "other-ca" else ""
    connector = Connector(url)
    store, recorder = Store(connector), Recorder(connector)
    with pytest.raises(LedgerUnavailable):
        await store.run(commands.jobs.list_jobs("public", limit=5))
    with pytest.raises(LedgerUnavailable):
        recorder.run(commands.jobs.list_jobs("public", limit=5))
    with app_of(url, tmp_path).connection() as connection, pytest.raises(OperationalError):
        connection.default_channel.client.ping()
    await store.close()
    recorder.close()
    assert proxy.plaintext == []


async def test_certificate_for_another_host_is_refused(redis_url: str, tmp_path: Path) -> None:
    """A certificate proves one name: any other server of the same authority must not pass as this one."""
    authority = Authority(tmp_path / "ca", names="DNS:elsewhere.example")
    with TlsProxy(redis_url, authority) as proxy:
        store = Store(Connector(f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs={authority.file}"))
        with pytest.raises(LedgerUnavailable):
            await store.run(commands.jobs.list_jobs("public", limit=5))
        await store.close()


def test_proxy_records_what_comes_without_tls(proxy: TlsProxy) -> None:
    """The other tests here would pass with a proxy that sees nothing."""
    with redis.Redis(port=proxy.port) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    assert proxy.plaintext
