"""The README and docs/ are true: every command runs, and every link has a target.

The shell blocks (```sh) run in order, as they stand, against what `jobline dev` starts with the README's
modules and the tasks that come along; only the port differs, so that a test never meets the tester's server.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pillow_heif
import pytest
from PIL import Image

from jobline import testing
from jobline.cli.commands.picture import draw_picture
from jobline.cli.embedded import free_port
from jobline.domain.settings import Settings
from jobline.tasks.image.limits import ImageLimits
from jobline.testing import file_id
from tests.support.images import quarters

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md")),
    *(page for folder in ("docs", "examples") for page in sorted((ROOT / folder).rglob("*.md"))),
]
START_S = 60.0
STOP_S = 20.0
#: Variables of clients, which are no settings.
OTHER_VARIABLES = {"JOBLINE_URL", "JOBLINE_ADMIN_KEY", "JOBLINE_API_KEY"}
#: The EXIF of a phone that was held upright: turn by 90 degrees.
TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
#: Without this, curl would treat a refusal as a success.
FAIL_ON_REFUSAL = 'curl() { command curl --fail "$@"; }\n'


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address() -> str:
    """Return an address for the API of this module."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """Return the directory of a reader who follows the README: task modules, a photo, the README itself."""
    directory = tmp_path_factory.mktemp("readme")
    for block in blocks("python"):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name, "a python block opens with the name of its file"
        (directory / name.group(1)).write_text(block.replace(ADDRESS, address))
    draw_picture(directory / "photo.jpg")
    shutil.copy(ROOT / "README.md", directory)
    return directory


@pytest.fixture(scope="module")
def environment(place: Path) -> dict[str, str]:
    """Return the environment of that reader, without the tester's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOBLINE_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "JOBLINE_DATA_DIR": str(place / "data"), "no_proxy": "127.0.0.1"}


@pytest.fixture(scope="module")
def url(address: str, place: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run what `make run` runs, with the README's tasks."""
    command = [sys.executable, "-P", "-m", "jobline.cli", "dev", "--port", address.rpartition(":")[2]]
    log = place / "dev.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=place,
            env={**environment, "JOBLINE_TASKS": "tasks,photos,words,jobline.tasks"},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_until_ready(address, process, log)
            yield address
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health/ready", trust_env=False).is_success:
                return
        time.sleep(0.05)
    pytest.fail(f"not ready in {START_S} s: {log.read_text()}")


def run(block: str, url: str, place: Path, environment: dict[str, str]) -> str:
    """Run one block in a shell and return its output."""
    script = FAIL_ON_REFUSAL + block.replace(ADDRESS, url)
    done = subprocess.run(
        ["sh", "-eu", "-c", script],  # noqa: S607 - the reader's own shell
        cwd=place,
        env={**environment, "JOBLINE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("number", range(len(blocks("sh"))))
def test_commands_of_the_readme_run(number: int, url: str, place: Path, environment: dict[str, str]) -> None:
    printed = run(blocks("sh")[number], url, place, environment)

    assert printed
    assert '"FAILURE"' not in printed


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_first_job_of_the_readme_succeeds(url: str, place: Path, environment: dict[str, str]) -> None:
    assert '"state":"SUCCESS"' in run(blocks("sh")[0], url, place, environment)


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_thumbnail_of_the_readme_is_a_picture(url: str, place: Path, environment: dict[str, str]) -> None:
    block = next(block for block in blocks("sh") if "-o thumbnail.jpg" in block)

    printed = run(block, url, place, environment)

    assert '"state":"SUCCESS"' in printed
    assert (place / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_own_tasks_of_the_readme_succeed(url: str, place: Path, environment: dict[str, str]) -> None:
    block = next(block for block in blocks("sh") if "words.count" in block)

    printed = run(block, url, place, environment)

    assert printed.count('"state":"SUCCESS"') == 2


@pytest.mark.acceptance
def test_first_example_of_the_readme_shrinks_a_photo(url: str, place: Path) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=40) as http:
        with (place / "photo.jpg").open("rb") as photo:
            file = http.post("/v1/files", files={"file": photo}).json()["id"]
        job = http.post(
            "/v1/tasks/photo.thumbnail/jobs",
            json={"input": {"photo": file, "width": 64}},
            headers={"Prefer": "wait=30"},
        ).json()

    assert job["state"] == "SUCCESS"
    assert job["result"]["width"] == 64


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGBA", "PNG", {}), ("LA", "PNG", {}), ("P", "PNG", {"transparency": 0}), ("1", "PNG", {}),
        ("I;16", "PNG", {}), ("CMYK", "JPEG", {}), ("CMYK", "TIFF", {}), ("LAB", "TIFF", {}),
        ("L", "JPEG", {}), ("RGBA", "WEBP", {}), ("P", "GIF", {}), ("RGB", "HEIF", {}),
        ("RGB", "JPEG", {"exif": TURNED}), ("RGB", "BMP", {}), ("F", "TIFF", {}),
    ],
)  # fmt: skip
def test_first_example_of_the_readme_takes_any_picture(
    mode: str, kind: str, options: dict[str, Any], place: Path, tmp_path: Path
) -> None:
    """A transparent PNG once failed in it, with `internal`, after three attempts."""
    pillow_heif.register_heif_opener()
    odd = mode in {"LAB", "I;16", "F"}
    picture = Image.new(mode, (40, 20), 0) if odd else quarters().convert(mode)
    photo = tmp_path / "photo"
    picture.save(photo, kind, **options)
    thumbnail = runpy.run_path(str(place / "photos.py"))["thumbnail"]

    order = {"photo": file_id("photo"), "width": 10}
    outcome = testing.run(thumbnail, order, files={"photo": photo.read_bytes()})

    height = 20 if "exif" in options else 5
    assert (outcome.result.width, outcome.result.height) == (10, height)
    with Image.open(io.BytesIO(outcome.artifacts["thumbnail.jpg"])) as made:
        assert made.size == (10, height)


def test_test_of_the_readme_passes(place: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_tasks.py"]

    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)

    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    found = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#([^)]+))?\)", page.read_text())
    broken = [
        f"{path}#{anchor}" if anchor else path
        for path, anchor in found
        if not (target := page.parent / path).exists() or (anchor and anchor not in anchors(target))
    ]

    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    known = {f"JOBLINE_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    known |= {f"JOBLINE_IMAGE_{name.upper()}" for name in ImageLimits.model_fields}

    named = set(re.findall(r"\bJOBLINE_[A-Z0-9_]*[A-Z0-9]\b(?!_)", page.read_text()))

    assert named - known == set()
