from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobline.domain.errors import TaskError
from jobline.files import Workspace, artifact_id, sweep_workspaces

HOLD = """
import sys, time
from pathlib import Path
from jobline.files import Workspace
with Workspace(Path(sys.argv[1]), "job", 1):
    print("held", flush=True)
    time.sleep(60)
"""


def age(path: Path) -> None:
    os.utime(path, (time.time() - 7200, time.time() - 7200))


def test_workspace_is_gone_when_the_attempt_ends(tmp_path: Path) -> None:
    with Workspace(tmp_path, "job", 1) as space:
        space.inputs.joinpath("a").write_bytes(b"a")
        space.outputs.joinpath("b").write_bytes(b"b")
        assert space.path.name == "job-1"
    assert not space.path.exists()


def test_workspace_is_gone_when_the_attempt_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Workspace(tmp_path, "job", 1) as space:
        raise KeyError
    assert not space.path.exists()


def test_two_attempts_of_one_job_share_nothing(tmp_path: Path) -> None:
    with Workspace(tmp_path, "job", 1) as first, Workspace(tmp_path, "job", 2) as second:
        assert first.path != second.path


@pytest.mark.parametrize("job_id", ["../../etc", "a/b", "", ".", "x" * 300, "ä\n"])
def test_strange_job_id_stays_within_the_root(tmp_path: Path, job_id: str) -> None:
    with Workspace(tmp_path, job_id, 1) as space:
        assert space.path.resolve().parent == (tmp_path / "work").resolve()


def test_output_has_the_artifacts_id_and_a_plain_suffix(tmp_path: Path) -> None:
    with Workspace(tmp_path, "job", 1) as space:
        made, path = space.output("ü" * 190 + ".png")
        path.write_bytes(b"png")
        assert made == artifact_id("job", "ü" * 190 + ".png")
        assert path.name == f"{made}.png"
        assert space.output("a.b c")[1].suffix == ""


def test_output_with_a_bad_name_is_refused(tmp_path: Path) -> None:
    with Workspace(tmp_path, "job", 1) as space, pytest.raises(TaskError):
        space.output("../a")


def test_sweep_leaves_the_directory_of_a_living_owner(tmp_path: Path) -> None:
    with Workspace(tmp_path, "job", 1) as space:
        age(space.path)
        assert sweep_workspaces(tmp_path) == 0
        assert space.path.is_dir()


def test_sweep_leaves_a_young_directory(tmp_path: Path) -> None:
    (tmp_path / "work" / "job-1").mkdir(parents=True)
    assert sweep_workspaces(tmp_path) == 0


def test_sweep_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        age(tmp_path / "work" / "job-1")
        assert sweep_workspaces(tmp_path) == 0
    finally:
        holder.kill()
        holder.communicate()
    assert sweep_workspaces(tmp_path) == 1
    assert not (tmp_path / "work" / "job-1").exists()


def test_sweep_without_any_work_does_nothing(tmp_path: Path) -> None:
    assert sweep_workspaces(tmp_path) == 0
