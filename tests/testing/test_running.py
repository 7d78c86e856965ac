from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import httpx
import pytest

from jobline import DeclarationError
from jobline.tasks.demo import Countdown, CountedDown, countdown
from jobline.testing import NoResult, Service, service

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def api() -> Iterator[Service]:
    with service(countdown, environment={"JOBLINE_MAX_FILE_BYTES": "2048"}) as running:
        yield running


def test_submit_returns_the_result_as_the_tasks_model(api: Service) -> None:
    result = assert_type(api.submit(countdown, Countdown(seconds=1), tags=["kit"]), CountedDown)

    assert result == CountedDown(counted=1, attempts=1)
    assert [job["tags"] for job in api.http.get("/v1/jobs?tag=kit").json()["items"]] == [["kit"]]


def test_job_that_fails_is_an_error_with_its_reason(api: Service) -> None:
    with pytest.raises(NoResult, match=r"of demo.countdown ended in FAILURE: .*demo.asked_to_fail"):
        api.submit(countdown, {"seconds": 1, "fail_at": 0})


def test_job_that_takes_too_long_is_an_error(api: Service) -> None:
    with pytest.raises(NoResult, match="is STARTED after 1 s"):
        api.submit(countdown, Countdown(seconds=60), timeout_s=1)


def test_input_that_the_api_refuses_is_an_error_with_its_text(api: Service) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422") as caught:
        api.submit(countdown, {"seconds": "1"})
    assert "seconds" in caught.value.__notes__[0]


def test_files_are_uploaded_and_settings_apply(api: Service) -> None:
    file_id = api.upload(b"x" * 2048, "x.png")

    assert api.http.get(f"/v1/files/{file_id}").json()["media_type"] == "image/png"
    with pytest.raises(httpx.HTTPStatusError, match="413"):
        api.upload(b"x" * 2049)


def test_only_the_named_tasks_are_offered(api: Service) -> None:
    assert [item["name"] for item in api.http.get(f"{api.url}/v1/tasks").json()["items"]] == [
        "demo.countdown"
    ]


def test_broken_module_is_an_error_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_tasks.py").write_text("raise ValueError('broken on purpose')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeclarationError, match="broken on purpose"), service("broken_tasks"):
        pass
    assert os.environ.get("JOBLINE_TASKS") != "broken_tasks"
