"""A small HTTP server with prepared answers; it records each request."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int
    body: bytes
    media_type: str = "application/json"


@dataclass
class FakeApi:
    """A server that gives the answers of a path in order, and the last one forever."""

    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=lambda: defaultdict(list))
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                target = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.asked.append(Asked(self.command, target.path, target.query, headers, body))
                answer = fake.next_answer(self.command, target.path)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.media_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Print no log lines."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, method: str, path: str, *bodies: object, status: int = 200) -> None:
        """Prepare answers with JSON."""
        self.answers[method, path] += [Answer(status, json.dumps(body).encode()) for body in bodies]

    def refuse(self, method: str, path: str, problem: dict[str, object]) -> None:
        """Prepare an answer with a problem."""
        body = json.dumps(problem).encode()
        self.answers[method, path].append(
            Answer(int(str(problem["status"])), body, "application/problem+json")
        )

    def serve(self, path: str, content: bytes) -> None:
        """Prepare an answer with bytes."""
        self.answers["GET", path].append(Answer(200, content, "application/octet-stream"))

    def next_answer(self, method: str, path: str) -> Answer:
        answers = self.answers.get((method, path))
        if not answers:
            return Answer(404, b"nothing here", "text/plain")
        return answers.pop(0) if len(answers) > 1 else answers[0]
