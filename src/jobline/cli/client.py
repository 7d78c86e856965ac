"""A client of the HTTP API: one request a method. Every refusal becomes an ApiError of one readable line.

Answers stay JSON as the server sent them, so that commands also print the fields of a newer server.
"""

from __future__ import annotations

import contextlib
import json
import mimetypes
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import quote, urlsplit

import httpx

from jobline.domain.client_settings import ClientSettings
from jobline.domain.environment import read
from jobline.domain.errors import JoblineError
from jobline.running import find_running
from jobline.service.answers.disposition import write_disposition
from jobline.startup import warn_of_misspelt_variables

#: Any: a JSON object of the API, whose shape the server's own OpenAPI states.
Json: TypeAlias = dict[str, Any]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Time for the network, beside the time that a long poll is asked to wait.
NETWORK_TIMEOUT_S = 10.0
TRANSFER_TIMEOUT_S = 60.0
#: The API sends a comment every 15 s.
STREAM_TIMEOUT_S = 40.0


class ApiError(JoblineError):
    """The API refused the request or does not answer; the message is one line."""

    exit_code = 3

    def __init__(
        self, message: str, status: int | None = None, errors: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        #: None when there was no answer at all.
        self.status = status
        #: The wrong parts of the request: a JSON Pointer, and what is wrong.
        self.errors = tuple(errors)

    @property
    def is_passing(self) -> bool:
        """Whether a retry of the same request may succeed in a moment."""
        return self.status is None or self.status == httpx.codes.SERVICE_UNAVAILABLE


class ApiClient:
    """A connection to one Jobline server; a context manager. All methods raise ApiError."""

    def __init__(self, url: str, *, api_key: str | None = None, http: httpx.Client | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = http or httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(NETWORK_TIMEOUT_S, connect=3.0),
            trust_env=urlsplit(self.url).hostname
            not in LOOPBACK,  # no proxy stands before this machine itself
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def tasks(self) -> Json:
        """Return the tasks on offer."""
        return self._json("GET", "/v1/tasks")

    def task(self, name: str) -> Json:
        """Return one task, with the JSON Schemas of its input and result."""
        return self._json("GET", f"/v1/tasks/{quote(name, safe='')}")

    def upload(self, path: Path, media_type: str = "") -> Json:
        """Upload a local file as a stream; return its description. Its name tells an unknown media type."""
        media_type = media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Content-Type": media_type, "Content-Disposition": write_disposition(path.name)}
        with path.open("rb") as content:
            return self._json(
                "POST", "/v1/files", content=content, headers=headers, timeout=TRANSFER_TIMEOUT_S
            )

    def submit(self, task: str, body: Mapping[str, object], *, key: str | None = None) -> Json:
        """Submit a job and return it; ``key`` is its Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._json("POST", f"/v1/tasks/{quote(task, safe='')}/jobs", json=body, headers=headers)

    def job(self, job_id: str, *, wait_s: int = 0) -> Json:
        """Return a job, at once or when it ends, after ``wait_s`` seconds at the latest."""
        params = {"wait": wait_s} if wait_s else {}
        return self._json(
            "GET", f"/v1/jobs/{quote(job_id, safe='')}", params=params, timeout=wait_s + NETWORK_TIMEOUT_S
        )

    def jobs(self, filters: Mapping[str, str | int]) -> Json:
        """Return jobs, newest first."""
        return self._json("GET", "/v1/jobs", params=dict(filters))

    def cancel(self, job_id: str) -> Json:
        """Ask for a job to be cancelled; return it."""
        return self._json("POST", f"/v1/jobs/{quote(job_id, safe='')}/cancel")

    def retry(self, job_id: str) -> Json:
        """Submit a failed or revoked job once more; return the new job."""
        return self._json("POST", f"/v1/jobs/{quote(job_id, safe='')}/retry")

    def delete(self, job_id: str) -> None:
        """Delete a finished job."""
        with translated(self.url):
            response = self._http.delete(f"/v1/jobs/{quote(job_id, safe='')}")
        check(response)

    def queues(self) -> Json:
        """Return all queues with their depth."""
        return self._json("GET", "/v1/queues")

    def pause(self, queue: str) -> Json:
        """Pause a queue; return it."""
        return self._json("POST", f"/v1/queues/{quote(queue, safe='')}/pause")

    def resume(self, queue: str) -> Json:
        """Resume a queue; return it."""
        return self._json("POST", f"/v1/queues/{quote(queue, safe='')}/resume")

    def workers(self) -> Json:
        """Return the workers that are alive."""
        return self._json("GET", "/v1/workers")

    def events(self, job_id: str | None) -> Iterator[Json]:
        """Yield the events of one job until it has ended, or those of all jobs from now on."""
        path = f"/v1/jobs/{quote(job_id, safe='')}/events" if job_id else "/v1/events"
        with translated(self.url), self._http.stream("GET", path, timeout=STREAM_TIMEOUT_S) as response:
            if response.is_error:
                response.read()
            check(response)
            for line in response.iter_lines():
                if line.startswith("data:"):
                    event: Json = json.loads(line.removeprefix("data:"))
                    yield event

    def artifacts(self, job_id: str) -> Json:
        """Return the artifacts of a job."""
        return self._json("GET", f"/v1/jobs/{quote(job_id, safe='')}/artifacts")

    @contextlib.contextmanager
    def artifact(self, job_id: str, name: str) -> Iterator[Iterator[bytes]]:
        """Stream the bytes of one artifact."""
        path = f"/v1/jobs/{quote(job_id, safe='')}/artifacts/{quote(name, safe='')}"
        with (
            translated(self.url),
            self._http.stream("GET", path, timeout=TRANSFER_TIMEOUT_S) as response,
        ):
            if response.is_error:
                response.read()
            check(response)
            yield response.iter_bytes()

    def _json(self, method: str, path: str, **options: Any) -> Json:
        with translated(self.url):
            response = self._http.request(method, path, **options)
        check(response)
        try:
            answer: Json = response.json()
        except ValueError:
            raise ApiError(f"{self.url} did not answer in JSON: is it a Jobline API?", 0) from None
        return answer


def open_client(url: str) -> ApiClient:
    """Open a client with the key of JOBLINE_API_KEY; it is no option, as others can read a command line."""
    warn_of_misspelt_variables()
    if url == ClientSettings.model_fields["url"].default and not os.environ.get("JOBLINE_URL"):
        url = find_running().get("JOBLINE_URL", url)
    key = read(ClientSettings).api_key
    return ApiClient(url, api_key=key.get_secret_value() if key else None)


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn errors of httpx into one line that says what to do."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ApiError(f"{url!r} is no URL of an API: {error}", 0) from None
    except httpx.ConnectError:
        raise ApiError(f"nothing answers at {url}: start it with `jobline dev`, or set JOBLINE_URL") from None
    except httpx.HTTPError as error:
        raise ApiError(f"{url} did not answer: {type(error).__name__}: {error}") from None


def check(response: httpx.Response) -> None:
    """Raise ApiError for an error answer: an RFC 9457 problem, or any other, as one line."""
    if not response.is_error:
        return
    try:
        problem = response.json()
        title = str(problem["title"])
    except (ValueError, KeyError, TypeError):
        text = " ".join(response.text.split())[:200]
        raise ApiError(
            f"{response.status_code} {response.reason_phrase}: {text}", response.status_code
        ) from None
    errors = [
        (str(one.get("pointer", "")), str(one.get("detail", ""))) for one in problem.get("errors") or ()
    ]
    raise ApiError(
        write_problem(
            f"{response.status_code} {problem.get('code', '')}", title, problem.get("detail"), errors
        ),
        response.status_code,
        errors,
    )


def write_problem(head: str, title: str, detail: object, errors: Sequence[tuple[str, str]]) -> str:
    """Return a problem as one line; what the detail and the errors both say is said once."""
    if errors:
        return f"{head}: {title}: " + "; ".join(
            f"{where}: {what}" if where else what for where, what in errors
        )
    return f"{head}: {detail if detail and str(detail) != title else title}"
