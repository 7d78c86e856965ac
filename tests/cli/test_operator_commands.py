"""Commands of operators and followers, each against a server that answers as the API does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobline.cli.commands.submit import to_option
from tests.support.cli import Call
from tests.support.fake_api import Answer, FakeApi

QUEUE: dict[str, Any] = {
    "name": "media", "paused": True, "depth": 3, "scheduled": 1, "running": 2, "oldest_age_s": 61.2,
}  # fmt: skip
COUNTDOWN: dict[str, Any] = {
    "name": "demo.countdown",
    "input_schema": {
        "properties": {
            "seconds": {"type": "integer", "description": "How long to count"},
            "file": {"type": "string", "pattern": "^(file|art)_[0-9a-f]{32}$"},
            "mode": {"anyOf": [{"$ref": "#/$defs/Mode"}, {"type": "null"}], "default": "up"},
        },
        "required": ["seconds"],
        "$defs": {"Mode": {"enum": ["up", "down"], "type": "string"}},
    },
}


def test_retry_prints_the_id_of_the_new_job(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("POST", "/v1/jobs/J1/retry", {"id": "J2", "state": "PENDING"}, status=202)
    assert jobline("retry", "J1") == 0
    assert capsys.readouterr().out == "J2\n"


def test_delete_of_a_running_job_says_why_not(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse(
        "DELETE", "/v1/jobs/J1", {"title": "No", "detail": "It runs.", "status": 409, "code": "conflict"}
    )
    assert jobline("delete", "J1") == 3
    assert capsys.readouterr().err == "jobline: 409 conflict: It runs.\n"


def test_delete_tells_that_the_job_is_gone(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers["DELETE", "/v1/jobs/J1"].append(Answer(204, b""))
    assert jobline("delete", "J1") == 0
    assert "J1 is deleted" in capsys.readouterr().err


def test_queues_and_workers_are_tables(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/queues", {"items": [QUEUE]})
    worker = {"hostname": "w1@here", "busy": 1, "capacity": 4, "queues": ["media"], "heartbeat_age_s": 0.4}
    api.on("GET", "/v1/workers", {"items": [worker]})

    assert jobline("queues") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "media",
        "paused",
        "3",
        "1",
        "2",
        "61",
        "s",
        "ago",
    ]
    assert jobline("workers") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["w1@here", "1/4", "media"]


@pytest.mark.parametrize(
    ("command", "is_paused", "line"),
    [
        ("pause", True, "media is paused, 3 jobs wait: jobline resume media\n"),
        ("resume", False, "media is not paused, 3 jobs wait\n"),
    ],
)
def test_pause_and_resume_tell_the_new_state(
    api: FakeApi,
    jobline: Call,
    capsys: pytest.CaptureFixture[str],
    command: str,
    is_paused: bool,  # noqa: FBT001 - a parameter of the test
    line: str,
) -> None:
    api.on("POST", f"/v1/queues/media/{command}", {**QUEUE, "paused": is_paused})
    assert jobline(command, "media") == 0
    assert capsys.readouterr().err == line


def test_events_are_a_line_each_with_log_lines_and_errors(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever follows a job sees what it logged and why it failed, without JSON."""
    told = [
        ("job.log", {"log": {"level": "info", "message": "loaded", "fields": {"rows": 3}}}),
        ("job.progress", {"progress": {"done": 1, "total": 2, "unit": "rows", "message": ""}}),
        ("job.failed", {"error": {"code": "a.b", "message": "It broke."}}),
    ]
    stream = "".join(
        f": jobline\nid: 1-{number}\nevent: {kind}\n"
        f"data: {json.dumps({'type': kind, 'timestamp': '2026-01-02T03:04:05.678000Z', 'data': data})}\n\n"
        for number, (kind, data) in enumerate(told)
    )
    api.answers["GET", "/v1/jobs/J1/events"].append(Answer(200, stream.encode(), "text/event-stream"))

    assert jobline("events", "J1") == 0
    assert capsys.readouterr().out.splitlines() == [
        "03:04:05.678  log  info loaded rows=3",
        "03:04:05.678  progress  1/2 rows",
        "03:04:05.678  failed  a.b: It broke.",
    ]


def test_list_hands_every_filter_on_and_names_the_next_page(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/jobs", {"items": [], "next_cursor": "C2"})
    assert jobline("list", "--tag", "a b", "--queue", "media", "--cursor", "C1") == 0
    assert api.asked[-1].query == "limit=50&queue=media&tag=a+b&cursor=C1"
    assert "--cursor C2" in capsys.readouterr().err


def test_help_after_a_task_shows_its_fields(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fields of a task are options, so its help is where they are looked for."""
    api.on("GET", "/v1/tasks/demo.countdown", COUNTDOWN)
    assert jobline("submit", "demo.countdown", "--help") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "--seconds* integer How long to count" in lines
    assert "--file file" in lines
    assert '--mode up|down "up"' in lines


def test_file_may_name_its_media_type(api: FakeApi, jobline: Call, tmp_path: Path) -> None:
    """The name of a file does not always tell what is in it."""
    api.on("GET", "/v1/tasks/demo.countdown", COUNTDOWN)
    api.on("POST", "/v1/files", {"id": "file_1"}, status=201)
    api.on("POST", "/v1/tasks/demo.countdown/jobs", {"id": "J1"}, status=202)
    (tmp_path / "photo").write_bytes(b"bytes")

    assert jobline("submit", "demo.countdown", "--file", "file=photo;type=image/heic") == 0
    sent = next(asked for asked in api.asked if asked.path == "/v1/files")
    assert sent.headers["content-type"] == "image/heic"


@pytest.mark.parametrize(
    ("pointer", "option"),
    [
        ("/input/seconds", "--seconds"),
        ("/input/resize/max_width", "--resize.max-width"),
        ("/input/ops/0/op", "--ops.op"),
        ("/input", "--input"),
        ("/delay_s", "--delay-s"),
        ("/tags/1", "--tag"),
    ],
)
def test_error_names_the_option_that_sets_its_part(pointer: str, option: str) -> None:
    assert to_option(pointer) == option


def test_values_are_shown_as_json_not_as_python(
    api: FakeApi, jobline: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("GET", "/v1/jobs/J1", {"id": "J1", "cancel_requested": False, "result": {"a": None}})
    assert jobline("get", "J1") == 0
    shown = capsys.readouterr().out
    assert '{"a": null}' in shown
    assert "false" in shown
