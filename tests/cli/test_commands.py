"""The client commands, each against a server that answers as the API does."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobline.cli.commands.jobs import age
from jobline.cli.options import print_table
from tests.support.cli import Call
from tests.support.fake_api import FakeApi

THUMBNAIL: dict[str, Any] = {
    "name": "image.thumbnail",
    "summary": "Shrink one image",
    "queue": "media",
    "input_schema": {
        "properties": {"file": {"type": "string"}, "width": {"type": "integer"}, "url": {"type": "string"}},
        "required": ["file", "width"],
    },
}


def job(state: str, **more: object) -> dict[str, Any]:
    return {"id": "J1", "task": "image.thumbnail", "state": state, "queue": "media", "attempt": 1, **more}


def progress(done: int) -> dict[str, object]:
    return {"done": done, "total": 10, "unit": "frames", "message": ""}


@pytest.fixture
def thumbnail(api: FakeApi) -> FakeApi:
    api.on("GET", "/v1/tasks", {"items": [THUMBNAIL]})
    api.on("GET", "/v1/tasks/image.thumbnail", THUMBNAIL)
    api.on("POST", "/v1/tasks/image.thumbnail/jobs", job("PENDING"), status=202)
    return api


def submitted(api: FakeApi) -> Any:
    return next(asked for asked in api.asked if asked.path == "/v1/tasks/image.thumbnail/jobs")


def test_tasks_shows_each_task_with_its_required_fields(
    thumbnail: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jobline("tasks") == 0
    assert "image.thumbnail  media  file* width* url  Shrink one image" in capsys.readouterr().out


def test_submit_sends_typed_fields_and_options_and_prints_the_id_alone(
    thumbnail: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = ("--width", "320", "--input.url", "http://x")
    options = ("--key", "once", "--delay-s", "5", "--priority", "7", "--tag", "a", "--tag", "b")
    assert jobline("submit", "image.thumbnail", *fields, *options) == 0
    assert capsys.readouterr().out == "J1\n"
    asked = submitted(thumbnail)
    assert asked.json == {
        "input": {"width": 320, "url": "http://x"},
        "delay_s": 5,
        "priority": 7,
        "tags": ["a", "b"],
    }
    assert asked.headers["idempotency-key"] == "once"


def test_submit_sets_fields_over_the_given_input(thumbnail: FakeApi, jobline: Call) -> None:
    assert jobline("submit", "image.thumbnail", "--input", '{"file": "f", "width": 1}', "--width", "2") == 0
    assert submitted(thumbnail).json == {"input": {"file": "f", "width": 2}}


def test_submit_uploads_a_file_as_it_is_and_names_its_id(
    thumbnail: FakeApi, jobline: Call, tmp_path: Path
) -> None:
    thumbnail.on("POST", "/v1/files", {"id": "file_1"}, status=201)
    photo = tmp_path / "my photo.jpg"
    photo.write_bytes(bytes(range(256)) * 1000)
    assert jobline("submit", "image.thumbnail", "--file", f"file={photo}") == 0
    upload = next(asked for asked in thumbnail.asked if asked.path == "/v1/files")
    assert upload.body == photo.read_bytes()
    assert upload.headers["content-type"] == "image/jpeg"
    assert upload.headers["content-disposition"] == 'attachment; filename="my photo.jpg"'
    assert submitted(thumbnail).json == {"input": {"file": "file_1"}}


def test_missing_file_is_refused_before_anything_is_uploaded(
    thumbnail: FakeApi, jobline: Call, tmp_path: Path
) -> None:
    photo = tmp_path / "there.jpg"
    photo.touch()
    words = ("--file", f"file={photo}", "--file", "url=/not/there.jpg")
    assert jobline("submit", "image.thumbnail", *words) == 2
    assert not [asked for asked in thumbnail.asked if asked.method == "POST"]


@pytest.mark.parametrize(("state", "status"), [("SUCCESS", 0), ("FAILURE", 1), ("REVOKED", 2)])
def test_watch_ends_with_the_status_of_the_state(
    state: str, status: int, api: FakeApi, jobline: Call
) -> None:
    api.on("GET", "/v1/jobs/J1", job("PENDING"), job("STARTED"), job(state))
    assert jobline("watch", "J1") == status


def test_watch_tells_each_change_and_prints_the_result_alone(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = [job("STARTED", progress=progress(done)) for done in (1, 1, 2)]
    api.on("GET", "/v1/jobs/J1", job("PENDING"), *looks, job("SUCCESS", result={"width": 320}))
    assert jobline("watch", "J1") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"width": 320}
    assert err.splitlines() == [
        "J1 PENDING",
        "J1 STARTED 1/10 frames",
        "J1 STARTED 2/10 frames",
        "J1 SUCCESS",
    ]


def test_watch_outlives_a_server_that_is_away_for_a_moment(api: FakeApi, jobline: Call) -> None:
    api.refuse("GET", "/v1/jobs/J1", {"title": "Away", "status": 503})
    api.on("GET", "/v1/jobs/J1", job("SUCCESS"))
    assert jobline("watch", "J1") == 0


def test_submit_and_wait_shows_the_error_of_a_failed_job(
    thumbnail: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "image.corrupt", "message": "no image"}
    thumbnail.on("GET", "/v1/jobs/J1", job("STARTED"), job("FAILURE", error=error))
    assert jobline("submit", "image.thumbnail", "--wait") == 1
    assert capsys.readouterr().err == "J1 FAILURE: image.corrupt: no image\n"


def test_get_prints_the_raw_answer_when_asked(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/jobs/J1", job("RETRY"))
    assert jobline("get", "J1", "--json") == 0
    assert json.loads(capsys.readouterr().out) == job("RETRY")
    assert jobline("get", "J1") == 0
    assert "RETRY" in capsys.readouterr().out


def test_list_hands_its_filters_on(api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]) -> None:
    api.on("GET", "/v1/jobs", {"items": [job("FAILURE")]})
    assert jobline("list", "--state", "FAILURE", "--task", "image.thumbnail") == 0
    assert "J1  image.thumbnail  FAILURE" in capsys.readouterr().out
    assert api.asked[0].query == "limit=50&state=FAILURE&task=image.thumbnail"


@pytest.mark.parametrize(("state", "words"), [("REVOKED", "J1 REVOKED"), ("STARTED", "asked to stop")])
def test_cancel_says_whether_the_job_has_ended(
    state: str, words: str, api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", "/v1/jobs/J1/cancel", job(state))
    assert jobline("cancel", "J1") == 0
    assert words in capsys.readouterr().err


def artifact(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_download_brings_all_artifacts_into_a_directory(api: FakeApi, jobline: Call, tmp_path: Path) -> None:
    api.on("GET", "/v1/jobs/J1/artifacts", {"items": [artifact("a.jpg", b"aa"), artifact("b.jpg", b"b")]})
    api.serve("/v1/jobs/J1/artifacts/a.jpg", b"aa")
    api.serve("/v1/jobs/J1/artifacts/b.jpg", b"b")
    assert jobline("download", "J1", "-o", str(tmp_path / "made")) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()} == {
        "a.jpg": b"aa",
        "b.jpg": b"b",
    }


def test_download_of_damaged_bytes_leaves_no_file(
    api: FakeApi, jobline: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/jobs/J1/artifacts", {"items": [artifact("a.jpg", b"aa")]})
    api.serve("/v1/jobs/J1/artifacts/a.jpg", b"xx")
    assert jobline("download", "J1", "a.jpg", "-o", str(tmp_path / "a.jpg")) == 3
    assert "arrived damaged" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_artifact_cannot_choose_a_place_outside_the_directory(
    api: FakeApi, jobline: Call, tmp_path: Path
) -> None:
    item = artifact("../../evil", b"x")
    api.on("GET", "/v1/jobs/J1/artifacts", {"items": [item]})
    api.serve("/v1/jobs/J1/artifacts/..%2F..%2Fevil", b"x")
    assert jobline("download", "J1", "-o", str(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["evil"]


def test_missing_artifact_is_told_with_those_there_are(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/jobs/J1/artifacts", {"items": [artifact("a.jpg", b"")]})
    assert jobline("download", "J1", "b.jpg") == 3
    assert "no artifact b.jpg; it has: a.jpg" in capsys.readouterr().err


def test_problem_is_one_readable_line_with_its_places(
    thumbnail: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    thumbnail.answers["POST", "/v1/tasks/image.thumbnail/jobs"].clear()
    thumbnail.refuse(
        "POST",
        "/v1/tasks/image.thumbnail/jobs",
        {
            "title": "The request is not valid",
            "status": 422,
            "code": "validation-error",
            "errors": [{"pointer": "/input/width", "detail": "must be at least 1"}],
        },
    )
    assert jobline("submit", "image.thumbnail", "--width", "0") == 3
    assert capsys.readouterr().err == ("jobline: --width: must be at least 1\n")


def test_problem_that_says_all_in_its_detail_is_said_once(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    """The detail of a 422 repeats its first error; a reader gets it once."""
    api.refuse(
        "GET",
        "/v1/jobs",
        {
            "title": "A parameter is not valid",
            "detail": "query parameter limit: too large",
            "status": 422,
            "code": "bad-parameter",
            "errors": [{"pointer": "", "detail": "query parameter limit: too large"}],
        },
    )
    assert jobline("list") == 3
    assert capsys.readouterr().err == (
        "jobline: 422 bad-parameter: A parameter is not valid: query parameter limit: too large\n"
    )


def test_answer_that_is_no_problem_is_one_line_too(jobline: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobline("get", "J9") == 3
    assert capsys.readouterr().err == "jobline: 404 Not Found: nothing here\n"


def test_server_that_is_not_there_says_how_to_start_it(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("tasks", "--url", "http://127.0.0.1:1") == 3
    assert "jobline dev" in capsys.readouterr().err


def test_api_key_goes_as_a_bearer_token(
    thumbnail: FakeApi, jobline: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBLINE_API_KEY", "k1")
    assert jobline("tasks") == 0
    assert thumbnail.asked[0].headers["authorization"] == "Bearer k1"


def test_proxy_is_not_asked_for_this_machine(
    thumbnail: FakeApi, jobline: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert jobline("tasks") == 0


def test_table_on_a_narrow_terminal_keeps_ids_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "50")
    job_id = "01a22db6-8410-75b7-8bcc-fb6c72415bc9"
    print_table(("ID", "TASK", "CREATED"), [(job_id, "words.count", "2026-11-30 18:27:45")])
    assert job_id in terminal.getvalue()
    assert "…" not in terminal.getvalue()


def test_list_fits_a_terminal_of_80_columns(
    api: FakeApi, jobline: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is one line: an id that is cut or wrapped cannot be copied."""
    created = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
    job_id = "01a22db6-8410-75b7-8bcc-fb6c72415bc9"
    about = {"id": job_id, "task": "image.thumbnail", "state": "SUCCESS", "queue": "media"}
    api.on("GET", "/v1/jobs", {"items": [{**about, "created_at": created}]})
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")

    assert jobline("list") == 0
    _, line = terminal.getvalue().splitlines()
    assert line.split() == [job_id, "image.thumbnail", "SUCCESS", "media", "3", "min", "ago"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s ago"), (59.4, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_age_is_written_in_its_largest_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
