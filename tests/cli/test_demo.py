from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobline.cli.commands.picture import SIZE, PillowMissing, draw_picture
from tests.support.cli import Call
from tests.support.processes import environment
from tests.support.waiting import wait_until

DEMO_TIMEOUT_S = 90


def demo(photo: Path) -> list[str]:
    output = photo.with_name("made.jpg")
    return [sys.executable, "-m", "jobline.cli", "demo", "--photo", str(photo), "--output", str(output)]


def temporary_environment(tmp_path: Path) -> dict[str, str]:
    return {**environment(), "TMPDIR": str(tmp_path)}


def processes_under(directory: Path) -> str:
    listed = subprocess.run(["/bin/ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if f"{directory}/jobline-demo" in line)


@pytest.mark.acceptance
@pytest.mark.slow
def test_demo_shrinks_a_photo_cancels_a_countdown_and_leaves_only_the_thumbnail(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    photo = tmp_path / "photo.jpg"
    images.effect_noise((1600, 1200), 60).convert("RGB").save(photo)
    answer = subprocess.run(
        demo(photo),
        env=temporary_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
    with images.open(tmp_path / "made.jpg") as made:
        assert made.size == (320, 240)
    assert "REVOKED" in answer.stdout
    assert processes_under(tmp_path) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.jpg", "photo.jpg"]


@pytest.mark.acceptance
@pytest.mark.slow
def test_demo_of_a_photo_that_is_none_fails_and_says_why(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    photo = tmp_path / "photo.jpg"
    photo.write_text("no image")
    answer = subprocess.run(
        demo(photo),
        env=temporary_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        check=False,
    )
    assert answer.returncode == 1
    assert "jobline | failed: " in answer.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.acceptance
@pytest.mark.slow
def test_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"")
    with subprocess.Popen(
        demo(photo), env=temporary_environment(tmp_path), stdout=subprocess.DEVNULL
    ) as running:
        wait_until(lambda: list(tmp_path.glob("jobline-demo-*/supervisor.json")), what="its start")
        running.send_signal(signal.SIGINT)
        assert running.wait(DEMO_TIMEOUT_S) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert processes_under(tmp_path) == ""


def test_picture_is_drawn_as_large_as_a_photo(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    with images.open(draw_picture(tmp_path / "picture.jpg")) as picture:
        assert (picture.format, picture.size) == ("JPEG", SIZE)
    assert (tmp_path / "picture.jpg").stat().st_size > 1_000_000


def test_missing_pillow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(PillowMissing, match=r"pip install 'jobline\[image\]'"):
        draw_picture(tmp_path / "picture.jpg")


def test_missing_photo_is_refused_before_anything_is_started(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("demo", "--photo", "/not/there.jpg") == 1
    assert capsys.readouterr() == ("", "jobline: there is no photo /not/there.jpg\n")
