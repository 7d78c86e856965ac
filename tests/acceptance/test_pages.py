"""The pages of the documentation in a real browser, with keys on: a visitor presses Execute, and it works."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Page, open_page
from tests.support.deployment import Deployment
from tests.support.images import encode, quarters
from tests.support.processes import JOBLINE

pytestmark = pytest.mark.acceptance

#: How a person types: React hears the event alone.
TYPE = """(selector, text) => {
  const input = document.querySelector(selector);
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""
OPERATIONS = "[...document.querySelectorAll('.opblock')].map((block) => block.id)"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Run Redis and an API with keys, and no worker: jobs are only accepted."""
    made = Deployment(
        tmp_path_factory.mktemp("pages"),
        JOBLINE_AUTH="keys",
        JOBLINE_TASKS="jobline.tasks,tests.support.tasks.simple",
    )
    try:
        made.redis.start()
        made.start_api()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    browser.errors.clear()
    yield browser
    browser.run("sessionStorage.clear()")


@pytest.fixture(scope="module")
def token(service: Deployment) -> str:
    command = [*JOBLINE, "keys", "create", "--tenant", "acme"]
    made = subprocess.run(
        command, env=service.environment(), cwd=service.directory, capture_output=True, text=True, check=True
    )
    return next(word for word in made.stdout.split() if word.startswith("jl_"))


def open_docs(page: Page, service: Deployment) -> None:
    page.open(f"http://127.0.0.1:{service.port}/docs")
    page.wait_for("document.querySelectorAll('.opblock').length > 20")


def authorize(page: Page, token: str) -> None:
    page.run("document.querySelector('.btn.authorize').click()")
    page.wait_for("document.querySelector('.auth-container input')")
    page.run(f"({TYPE})('.auth-container input', '{token}')")
    page.run("document.querySelector('.auth-btn-wrapper .authorize').click()")
    page.wait_for("document.querySelector('.auth-btn-wrapper .btn-done')")
    page.run("document.querySelector('.auth-btn-wrapper .btn-done').click()")


def try_out(page: Page, operation: str) -> None:
    """Open an operation and its form."""
    page.run(f"document.querySelector('#{operation} .opblock-summary-control').click()")
    page.wait_for(f"document.querySelector('#{operation} .try-out__btn')")
    page.run(f"document.querySelector('#{operation} .try-out__btn').click()")
    page.wait_for(f"document.querySelector('#{operation} .execute')")


def execute(page: Page, operation: str) -> tuple[int, str]:
    """Press Execute and return the status and the text of the response."""
    page.run(f"document.querySelector('#{operation} .execute').click()")
    status = f"#{operation} .live-responses-table tbody .response-col_status"
    page.wait_for(f"document.querySelector('{status}')")
    code = page.run(f"parseInt(document.querySelector('{status}').innerText)")
    text = page.run(f"document.querySelector('#{operation} .live-responses-table tbody').innerText")
    return code, text


def test_every_prefilled_submit_is_accepted(
    page: Page, service: Deployment, token: str, tmp_path: Path
) -> None:
    """Whoever presses Execute without a change gets a job: of every task, and of a batch.

    Tasks of files get the file that was uploaded on the same page.
    """
    open_docs(page, service)
    authorize(page, token)
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode(quarters(), "PNG"))
    upload = "operations-files-upload_file"
    try_out(page, upload)
    page.choose_file(f"#{upload} input[type=file]", picture)
    assert execute(page, upload)[0] == 201

    submits = [name for name in page.run(OPERATIONS) if "-submit_" in name]
    assert len(submits) >= 7
    for name in submits:
        try_out(page, name)
        status, text = execute(page, name)
        assert status == 202, f"{name}: {text}"
    assert page.errors == []


def test_key_outlives_a_reload(page: Page, service: Deployment, token: str) -> None:
    """A key is typed once a tab; it is kept in the tab's own storage, never in a cookie."""
    open_docs(page, service)
    authorize(page, token)
    open_docs(page, service)

    try_out(page, "operations-jobs-list_jobs")
    assert execute(page, "operations-jobs-list_jobs")[0] == 200
    assert page.run("document.cookie + Object.keys(localStorage)") == ""


def test_stream_of_events_ends_on_the_page(page: Page, service: Deployment, token: str) -> None:
    """Swagger UI shows complete responses only: without a limit, Execute would spin for ever."""
    open_docs(page, service)
    authorize(page, token)
    try_out(page, "operations-events-stream_events")

    status, text = execute(page, "operations-events-stream_events")

    assert status == 200
    assert "the first 5 s" in text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/problems/queue-full"])
def test_page_has_no_error_and_no_border(page: Page, service: Deployment, path: str) -> None:
    """No page asks another server for anything, so its own policy blocks nothing."""
    page.open(f"http://127.0.0.1:{service.port}{path}")
    page.wait_for("document.querySelector('h1, .info')?.innerText")

    assert page.run("getComputedStyle(document.body).margin") == "0px"
    assert page.errors == []
