"""The supervisor's promises, with real processes and real signals."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jobline.cli.embedded import DirectoryLocked
from jobline.cli.supervision.child import Spec
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.pid_file import PidFile, sweep_orphans
from jobline.cli.supervision.processes import Mark, kill_families, read_mark
from jobline.cli.supervision.supervisor import PID_FILE_NAME, Supervisor
from tests.support.processes import environment, is_alive, read_pid
from tests.support.waiting import until, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

#: Writes its pid, then notes its name when it is told to stop.
POLITE = """
    import os, pathlib, signal, sys, time
    name, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    def stop(*_):
        with open(directory / "stopped", "a") as file:
            file.write(name + "\\n")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    (directory / name).write_text(f"{os.getpid()}\\n")
    print(name, "runs", flush=True)
    while True:
        time.sleep(60)
"""
#: Notes a SIGTERM and goes on, as does its own child.
STUBBORN = """
    import os, pathlib, signal, sys, time
    name, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: (directory / "told").touch())
    own = os.fork()
    (directory / (name if own else name + ".own")).write_text(f"{os.getpid()}\\n")
    while True:
        time.sleep(60)
"""
SUPERVISE = """
    import asyncio, json, pathlib, sys
    from jobline.cli.supervision.child import Spec
    from jobline.cli.supervision.supervisor import Supervisor
    from jobline.cli.supervision.console import Console
    async def main(directory, command):
        async with Supervisor(pathlib.Path(directory), Console(sys.stdout)) as supervisor:
            supervisor.start(Spec("one", tuple(command), 5))
            await asyncio.Event().wait()
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def python(script: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(script), *words)


def spec(name: str, directory: Path, script: str = POLITE, grace_s: float = 10) -> Spec:
    return Spec(name, python(script, name, str(directory)), grace_s)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, output: io.StringIO) -> Supervisor:
    return Supervisor(tmp_path, Console(output))


async def test_children_stop_in_the_opposite_order_of_their_start(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    names = ["redis", "worker", "api"]
    async with supervisor:
        for name in names:
            supervisor.start(spec(name, tmp_path))
        await until(lambda: all((tmp_path / name).exists() for name in names))
    assert (tmp_path / "stopped").read_text().split() == ["api", "worker", "redis"]


async def test_lines_of_a_child_come_under_its_name(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    async with supervisor:
        supervisor.start(spec("api", tmp_path))
        await until(lambda: "api     | api runs\n" in output.getvalue())


async def test_dead_child_is_started_again_and_it_is_said(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    async with supervisor:
        child = supervisor.start(spec("worker", tmp_path))
        first = child.pid
        await until((tmp_path / "worker").exists)
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid != first)
        await until(lambda: (tmp_path / "worker").read_text() == f"{child.pid}\n")
    assert "worker ended unexpectedly (killed by SIGKILL); starts again in 0.2 s" in output.getvalue()
    assert not is_alive(child.pid)


async def test_child_that_dies_at_once_is_started_more_and_more_slowly(
    supervisor: Supervisor, output: io.StringIO
) -> None:
    async with supervisor:
        supervisor.start(Spec("api", python("raise SystemExit(3)"), 1))
        await until(lambda: "starts again in 0.8 s" in output.getvalue())
    assert [line.rpartition(" in ")[2] for line in output.getvalue().splitlines()] == [
        "0.2 s",
        "0.4 s",
        "0.8 s",
    ]
    assert "exit status 3" in output.getvalue()


async def test_own_children_of_a_dead_child_are_gone_before_it_starts_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        child = supervisor.start(spec("worker", tmp_path, STUBBORN, grace_s=0.1))
        first = child.pid
        await until((tmp_path / "worker.own").exists)
        orphan = await asyncio.to_thread(read_pid, tmp_path / "worker.own")
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid != first)
        await until(lambda: not is_alive(orphan))


async def test_child_that_will_not_stop_is_killed_with_its_own_children(
    supervisor: Supervisor, tmp_path: Path, output: io.StringIO
) -> None:
    async with supervisor:
        supervisor.start(spec("worker", tmp_path, STUBBORN, grace_s=0.2))
        pids = [await asyncio.to_thread(read_pid, tmp_path / name) for name in ("worker", "worker.own")]
    await until(lambda: not any(is_alive(pid) for pid in pids))
    assert "worker did not stop in 0.2 s: killed" in output.getvalue()


async def test_cancelled_stop_kills_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    async def run() -> None:
        async with supervisor:
            supervisor.start(spec("worker", tmp_path, STUBBORN, grace_s=600))
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await until((tmp_path / "worker.own").exists)
    pids = [await asyncio.to_thread(read_pid, tmp_path / name) for name in ("worker", "worker.own")]
    task.cancel()
    await until((tmp_path / "told").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_second_supervisor_of_a_directory_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    async with supervisor:
        with pytest.raises(DirectoryLocked, match=f"pid {os.getpid()}"):
            async with Supervisor(tmp_path, Console(io.StringIO())):
                pass


async def test_stopped_supervisor_leaves_no_pid_file_and_a_free_directory(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        supervisor.start(spec("one", tmp_path))
    assert not (tmp_path / PID_FILE_NAME).exists()
    async with Supervisor(tmp_path, Console(io.StringIO())):
        pass


def test_children_and_their_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    command = python(SUPERVISE, str(tmp_path), *python(STUBBORN, "one", str(tmp_path)))
    with subprocess.Popen(command, env=environment()) as parent:
        pids = [read_pid(tmp_path / name) for name in ("one", "one.own")]
        parent.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), what="the death of all")
    wait_until(lambda: not (tmp_path / PID_FILE_NAME).exists(), what="the guard's sweep")


def start_sleeper(token: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        start_new_session=True,
        env={**os.environ, "JOBLINE_SUPERVISOR_TOKEN": token},
    )


def test_orphan_in_the_pid_file_is_killed_by_the_next_supervisor(tmp_path: Path) -> None:
    pids = PidFile(tmp_path / PID_FILE_NAME)
    with start_sleeper(pids.token) as orphan:
        pids.add("worker", orphan.pid)
        sweep_orphans(pids.path)
        assert orphan.wait(10) == -signal.SIGKILL
    assert not pids.path.exists()


def test_process_that_only_has_an_orphans_pid_is_left_alone() -> None:
    with start_sleeper("token") as other:
        kill_families([Mark(other.pid, "another start")], "token")
        assert read_mark(other.pid) is not None
        assert other.poll() is None
        other.kill()


def test_group_without_our_token_is_left_alone() -> None:
    script = "import os, sys, time\nif os.fork(): sys.exit()\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as leader:
        mark = read_mark(leader.pid)
        leader.wait(10)
    assert mark is not None
    kill_families([mark], "token of another")
    os.killpg(leader.pid, 0)  # raises if the group is gone
    os.killpg(leader.pid, signal.SIGKILL)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"children": 3, "token": "x"}'])
def test_damaged_pid_file_does_not_stop_a_start(content: str, tmp_path: Path) -> None:
    (tmp_path / PID_FILE_NAME).write_text(content)
    sweep_orphans(tmp_path / PID_FILE_NAME)
    assert not (tmp_path / PID_FILE_NAME).exists()
