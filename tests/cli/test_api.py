from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
import time

import httpx
import pytest
from pydantic import SecretStr

from jobline.cli.commands.api import check_reach, describe_start
from jobline.cli.embedded import free_port
from jobline.domain.errors import SettingsError
from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from tests.support.cli import Call
from tests.support.processes import environment
from tests.support.tasks import simple
from tests.support.waiting import wait_until

#: An app with a stream that never ends by itself, served as `jobline api` serves.
STREAMING = """
    import asyncio, sys
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from jobline.service.server.server import build_server
    from jobline.service.server.shutdown import Shutdown
    app = FastAPI()
    app.state.shutdown = Shutdown()
    @app.get("/stream")
    async def stream():
        async def words():
            ended = asyncio.Event()
            app.state.shutdown.add_callback(ended.set)
            app.state.shutdown.bind()
            yield b"begun"
            await ended.wait()
        return StreamingResponse(words())
    build_server(app, "127.0.0.1", int(sys.argv[1]), access_log=False).run()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    check_reach(host, Settings())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])  # noqa: S104 - that is the case
def test_open_network_without_keys_is_refused_with_both_ways_out(host: str) -> None:
    with pytest.raises(SettingsError, match=r"JOBLINE_AUTH=keys.*JOBLINE_ALLOW_OPEN=true"):
        check_reach(host, Settings())


@pytest.mark.parametrize("settings", [Settings(auth=Auth.KEYS), Settings(allow_open=True)])
def test_open_network_is_served_with_keys_or_on_demand(settings: Settings) -> None:
    check_reach("0.0.0.0", settings)  # noqa: S104 - that is the case


def test_api_beyond_loopback_ends_before_it_listens(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("api", "--host", "0.0.0.0") == 2  # noqa: S104 - that is the case
    assert capsys.readouterr().err.startswith("jobline: refusing to listen on 0.0.0.0 without keys")


@pytest.mark.parametrize("command", ["api", "dev"])
def test_taken_port_is_one_line_and_exit_1(
    command: str, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert call(command, "--port", port) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"jobline: port {port} on 127.0.0.1 is in use; choose another with --port\n")


def test_wrong_setting_is_one_line_that_names_it(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBLINE_LEASE_S", "soon")
    assert call("dev") == 2
    assert capsys.readouterr().err.startswith("jobline: JOBLINE_LEASE_S: ")


def test_open_stream_does_not_hold_up_a_planned_stop() -> None:
    port = free_port()
    command = [sys.executable, "-c", textwrap.dedent(STREAMING), str(port)]
    with subprocess.Popen(command, env=environment()) as server:
        wait_until(lambda: answers(port), what="the server's answer")
        with httpx.stream("GET", f"http://127.0.0.1:{port}/stream", timeout=10) as response:
            words = response.iter_bytes()
            assert next(words) == b"begun"
            asked = time.monotonic()
            server.send_signal(signal.SIGTERM)
            assert list(words) == []
        assert server.wait(10) == 0
    assert time.monotonic() - asked < 2


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_start_is_one_line_that_says_where_everything_is() -> None:
    """The log of a service begins with its address, tasks and ledger; a password never enters a log."""
    settings = Settings(redis_url=SecretStr("redis://user:secret@ledger:6380/2"), auth=Auth.KEYS)
    line = describe_start("0.0.0.0", 80, settings, Registry.of(simple.ALL))  # noqa: S104 - only named

    assert line == (
        "jobline: the API starts at http://0.0.0.0:80, its documentation at http://0.0.0.0:80/docs; "
        "tasks: demo.add, demo.draw, photo.look; ledger: redis://user:***@ledger:6380/2; keys: keys"
    )
