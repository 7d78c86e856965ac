from __future__ import annotations

import contextlib
import inspect
import re
import socket
import sys
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from celery.worker import state
from celery.worker.request import Request
from kombu import Exchange, Queue
from kombu.transport import redis as stock
from kombu.transport import virtual
from redis.exceptions import ResponseError

from jobline.domain.errors import Conflict, NotFound, QueueFull, Unprocessable
from jobline.domain.settings import Settings
from jobline.domain.state import State
from jobline.ledger.commands.attempts import CLAIM, RELEASE_CLAIM
from jobline.ledger.keys import DEFAULT_LAYOUT, Key
from jobline.ledger.scripts import scripts_of
from jobline.worker import transport
from jobline.worker.app import build_celery
from jobline.worker.resources import UNABLE_AFTER_S
from jobline.worker.transport import Channel, Transport, is_task_queue
from tests.support.ledger import Ledger
from tests.support.waiting import wait_until
from tests.support.worker import REGISTRY

#: The private names that the module lists: methods of a class, and words in the source of a module.
METHODS = {
    "_put": stock.Channel, "_get": stock.Channel, "_size": stock.Channel, "_purge": stock.Channel,
    "_brpop_start": stock.Channel, "_brpop_read": stock.Channel, "_delete": stock.Channel,
    "_connparams": stock.Channel, "_deliver": virtual.Transport,
}  # fmt: skip
WORDS = {"_in_poll": stock, "_brpop_sent_at": stock, "_queue_cycle": stock}


def named_at_the_head() -> set[str]:
    head = str(transport.__doc__).partition("Private names")[2]
    return set(re.findall(r"``(_\w+)``", head))


def test_every_private_name_that_is_listed_is_tested() -> None:
    assert named_at_the_head() == {*METHODS, *WORDS}


@pytest.mark.parametrize("name", METHODS)
def test_private_method_of_kombu_exists(name: str) -> None:
    assert callable(getattr(METHODS[name], name))


@pytest.mark.parametrize("name", WORDS)
def test_private_attribute_of_kombu_is_still_used(name: str) -> None:
    assert name in inspect.getsource(WORDS[name])


def test_hooks_keep_the_signatures_of_kombu() -> None:
    for name in ("_put", "_get", "_size", "_purge", "_brpop_start", "_brpop_read"):
        theirs, ours = (inspect.signature(getattr(one, name)).parameters for one in (stock.Channel, Channel))
        assert len(ours) == len(theirs), name


def test_names_of_celery_that_the_worker_uses_exist() -> None:
    assert isinstance(state.reserved_requests, set) or hasattr(state.reserved_requests, "__iter__")
    for name in ("on_failure", "on_timeout", "cancel", "worker_pid", "request_dict"):
        assert hasattr(Request, name) or name in inspect.getsource(Request), name


@pytest.mark.parametrize("queue", ["default", "media", "a.b-c"])
def test_queue_of_jobs_is_recognised(queue: str) -> None:
    assert is_task_queue(queue)


@pytest.mark.parametrize("queue", ["w@h.celery.pidbox", "123.reply.celery.pidbox"])
def test_queue_of_remote_control_is_not_a_queue_of_jobs(queue: str) -> None:
    assert not is_task_queue(queue)


@pytest.fixture
def app(live_settings: Settings) -> Any:
    return build_celery(REGISTRY, live_settings.model_copy(update={"queue_limit": 2}))


def test_put_is_submit(app: Any, ledger: Ledger) -> None:
    result = app.send_task("end.well", args=[{"text": "a"}], priority=8)
    record = ledger.read(result.id)
    assert (record.task, record.queue, record.priority, record.input) == (
        "end.well",
        "media",
        8,
        b'{"text":"a"}',
    )
    assert ledger.waiting("media") == [result.id]
    assert not ledger.redis.exists("media")


def test_put_twice_is_one_job(app: Any, ledger: Ledger) -> None:
    for _ in range(2):
        app.send_task("end.well", args=[{"text": "a"}], task_id="same")
    assert ledger.waiting("media") == ["same"]


@pytest.mark.parametrize("other", [("end.well", {"text": "b"}), ("end.error", {"text": "a"})])
def test_id_of_another_job_is_refused(app: Any, ledger: Ledger, other: tuple[str, object]) -> None:
    """A client that sends other work under a known id must not be told that it was accepted."""
    app.send_task("end.well", args=[{"text": "a"}], task_id="same")
    task, order = other
    with pytest.raises(Conflict, match="same"):
        app.send_task(task, args=[order], task_id="same")
    assert ledger.waiting("media") == ["same"]


@pytest.mark.parametrize("task_id", ["order/42", ".", "..", "a b"])
def test_id_that_http_cannot_read_is_refused(app: Any, ledger: Ledger, task_id: str) -> None:
    """A job that nobody can read, cancel or wait for must not be accepted."""
    with pytest.raises(Unprocessable, match="id of a task"):
        app.send_task("end.well", args=[{"text": "a"}], task_id=task_id)
    assert ledger.waiting("media") == []


@pytest.mark.parametrize("kind", ["direct", "topic"])
def test_message_that_is_no_task_is_refused(app: Any, ledger: Ledger, kind: str) -> None:
    """What nobody would ever read must be an error for its sender, not a list that grows."""
    with app.connection_for_write() as connection:
        with pytest.raises(Unprocessable, match="jobs alone"):
            connection.SimpleQueue("orders").put({"a": 1})
        queue = Queue("orders", Exchange(f"orders-{kind}", type=kind), routing_key="a")
        with pytest.raises(Unprocessable, match="jobs alone"):
            connection.Producer().publish({"a": 1}, exchange=queue.exchange, routing_key="a", declare=[queue])
    assert not ledger.redis.exists("orders")


def test_channels_of_one_worker_keep_their_claims_apart(app: Any, channel: Any, ledger: Ledger) -> None:
    """A `ConsumerStep` beside the tasks must not release, and so repeat, jobs that were just claimed."""
    job = ledger.submit(task="end.well", queue="media")
    with app.connection_for_read() as connection:
        other = connection.channel()
        other.basic_consume("other", no_ack=True, callback=print, consumer_tag="t")
        other.client.connection = other.client.connection_pool.get_connection()
        channel._brpop_start()
        wait_until(lambda: ledger.read(job).state is State.STARTED, 5, "the first channel has claimed")
        assert [ask(other) for _ in range(2)] == ["claim", "wait"]
        with contextlib.suppress(Exception):  # what Celery's consumer would do with the job
            channel._brpop_read()
    assert (ledger.read(job).state, ledger.read(job).attempt) == (State.STARTED, 1)
    assert app.resources.claim_numbers.unread is None


def test_put_is_refused_as_the_ledger_refuses(app: Any, ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="file_0"):
        app.send_task("end.file", args=[{"file": "file_" + "0" * 32}])
    with pytest.raises(NotFound, match=r"no\.such"):
        app.send_task("no.such")
    for _ in range(2):
        app.send_task("end.well")
    with pytest.raises(QueueFull, match="media"):
        app.send_task("end.well")


def test_queue_that_nobody_declared_is_refused_when_it_is_sent(app: Any, ledger: Ledger) -> None:
    """No worker would serve it, and each such name would be looked at by every tick."""
    with pytest.raises(Unprocessable, match="'nobody' is not declared"):
        app.send_task("end.well", queue="nobody")
    assert not ledger.redis.exists(Key.QUEUES.of())


def test_size_is_the_depth_and_purge_drops_nothing(app: Any, ledger: Ledger) -> None:
    app.send_task("end.well")
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        assert channel._size("media") == 1
        assert channel._purge("media") == 0
        channel._delete("media")
    assert ledger.redis.zcard(Key.WAITING.of("media", "public")) == 1


def test_batches_that_bypass_the_submit_script_are_off() -> None:
    assert not Transport.supports_batch_publish


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has the option")
def test_what_a_closed_connection_has_to_send_is_given_up_before_its_claim_is_released(app: Any) -> None:
    options = app.conf.broker_transport_options
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        link = channel.client.connection_pool.get_connection()
        given_up_ms = link._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        link.disconnect()
        assert 0 < given_up_ms < 1000 * (channel.brpop_timeout + options["health_check_interval"])


@pytest.fixture
def channel(app: Any, ledger: Ledger) -> Iterator[Any]:
    """Return a channel that consumes one queue of jobs, with its scripts loaded."""
    for script in (CLAIM, RELEASE_CLAIM):
        ledger.redis.script_load(scripts_of(DEFAULT_LAYOUT)[script].text)
    with app.connection_for_read() as connection:
        made = connection.default_channel
        made.basic_consume("media", no_ack=True, callback=print, consumer_tag="t")
        made.client.connection = made.client.connection_pool.get_connection()
        yield made


def ask(channel: Any) -> str:
    """Let the channel send its next request and read the reply; return what it sent."""
    channel._brpop_start(timeout=0.01)
    script, _ = channel._request
    with contextlib.suppress(Empty):
        channel._brpop_read()
    return script.name if script else "wait"


def test_channel_claims_waits_and_claims_again(channel: Any) -> None:
    assert [ask(channel) for _ in range(4)] == ["claim", "wait", "claim", "wait"]


def test_claim_that_was_refused_is_released_after_a_pause(
    channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(channel.client, "parse_response", refuse)
        assert ask(channel) == "claim"
    channel.client.connection.read_response()
    assert [ask(channel) for _ in range(4)] == ["wait", "release_claim", "claim", "wait"]


def test_worker_whose_claims_are_not_answered_counts_as_unable(
    app: Any, channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A heartbeat, and with it readiness, must not outlive the ability to start a job."""
    resources = app.resources
    resources.slots = 1
    resources.claimed_at -= UNABLE_AFTER_S
    with monkeypatch.context() as patch:
        patch.setattr(channel.client, "parse_response", refuse)
        ask(channel)
    assert not resources.is_able
    channel.client.connection.read_response()
    assert [ask(channel) for _ in range(3)] == ["wait", "release_claim", "claim"]
    assert resources.is_able


def test_job_of_a_queue_that_is_no_longer_consumed_is_released(
    app: Any, channel: Any, ledger: Ledger
) -> None:
    job = ledger.submit(task="end.well", queue="media")
    channel._brpop_start()
    channel.basic_cancel("t")
    channel._brpop_read()
    assert ledger.read(job).state is State.STARTED
    assert ledger.run(app.resources.outbox.get()) == [job]
    assert (ledger.read(job).state, ledger.read(job).attempt) == (State.PENDING, 0)


def test_task_that_this_worker_does_not_know_is_claimed_once_alone(
    app: Any, channel: Any, ledger: Ledger
) -> None:
    """A worker of an older release must not start and return the jobs of a new task over and over."""
    jobs = [ledger.submit(task="end.new", queue="media", max_attempts=1) for _ in range(3)]
    known = ledger.submit(task="end.well", queue="media")
    ask(channel)
    assert ledger.run(app.resources.outbox.get()) == [jobs[0]]
    assert (ledger.read(jobs[0]).state, ledger.read(jobs[0]).attempt) == (State.PENDING, 0)
    channel._claim_next = True
    channel._brpop_start()
    with contextlib.suppress(Exception):  # what Celery's consumer would do with the job
        channel._brpop_read()
    assert ledger.read(known).state is State.STARTED
    assert app.resources.outbox.is_empty


def refuse(*_: object) -> None:
    raise ResponseError("OOM command not allowed")


def test_next_channel_releases_what_a_closed_one_left_unread(app: Any, channel: Any, ledger: Ledger) -> None:
    job = ledger.submit(task="end.well", queue="media")
    channel._brpop_start()
    wait_until(lambda: ledger.read(job).state is State.STARTED, 5, "the claim has run")
    with app.connection_for_read() as connection:
        later = connection.channel()
        later.basic_consume("media", no_ack=True, callback=print, consumer_tag="t")
        later.client.connection = later.client.connection_pool.get_connection()
        channel.close()
        assert ask(later) == "release_claim"
    assert (ledger.read(job).state, ledger.read(job).attempt) == (State.PENDING, 0)
