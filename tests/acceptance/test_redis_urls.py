"""API, worker and stock client with one Redis behind each kind of URL: TLS, a socket file, a login."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import redis

from tests.support.deployment import Deployment
from tests.support.gate import Gate
from tests.support.processes import ROOT
from tests.support.tls_proxy import Authority, TlsProxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance


def test_job_runs_with_nothing_but_tls_between_all_programs_and_redis(tmp_path: Path) -> None:
    """The worker used to send its password in plaintext; a job must run and no byte leave without TLS."""
    authority = Authority(tmp_path / "ca")
    deployment = Deployment(tmp_path)
    deployment.redis.start()
    with TlsProxy(deployment.redis.url, authority) as proxy:
        url = f"rediss://default:any@127.0.0.1:{proxy.port}/0?ssl_ca_certs={authority.file}"
        deployment.settings["JOBLINE_REDIS_URL"] = url
        try:
            deployment.start_api()
            with deployment.worker():
                ended = deployment.wait(deployment.submit("test.echo", {"text": "a"}))
            assert ended["state"] == "SUCCESS"
            assert proxy.plaintext == []
        finally:
            deployment.close()


def test_documented_rights_are_enough_for_every_program(tmp_path: Path) -> None:
    """With too few rights a worker looked ready and started nothing; the documentation names enough."""
    rights = read_rights()
    deployment = Deployment(tmp_path, JOBLINE_AUTH="off")
    deployment.redis.start()
    url = deployment.redis.url
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "jobline", "on", ">secret", *rights)
        deployment.settings["JOBLINE_REDIS_URL"] = url.replace("//", "//jobline:secret@")
        try:
            deployment.start_api()
            with deployment.worker("-E"):
                waited = deployment.submit("test.hold", Gate(tmp_path / "gate").order)
                assert deployment.client.post(f"/v1/jobs/{waited}/cancel").status_code in {200, 202}
                assert deployment.wait(waited)["state"] == "REVOKED"
                ended = deployment.wait(deployment.submit("test.echo", {"text": "a"}))
                assert ended["state"] == "SUCCESS"
                answer = deployment.client.post(
                    "/v1/tasks/test.echo/jobs", json={"input": {"text": "b"}}, headers={"prefer": "wait=10"}
                )
                assert answer.json()["state"] == "SUCCESS"
                assert deployment.client.get("/health/ready").status_code == 200
                assert deployment.client.get("/v1/queues").status_code == 200
            assert client.execute_command("ACL", "LOG") == []
        finally:
            deployment.close()


def test_worker_without_the_right_to_claim_is_not_ready(tmp_path: Path) -> None:
    """The heartbeat went on while every claim was refused, and readiness was 200."""
    rights = [*read_rights(), "-zpopmin"]
    deployment = Deployment(tmp_path)
    deployment.redis.start()
    url = deployment.redis.url
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "jobline", "on", ">secret", *rights)
        deployment.settings["JOBLINE_REDIS_URL"] = url.replace("//", "//jobline:secret@")
        try:
            deployment.start_api()
            with deployment.worker():
                deployment.submit("test.echo", {"text": "a"})

                def says_why() -> bool:
                    answer = deployment.client.get("/health/ready")
                    return answer.status_code == 503 and "can claim" in answer.json()["detail"]

                wait_until(says_why, 20, "readiness says that no worker can claim")
        finally:
            deployment.close()


def read_rights() -> list[str]:
    """Return the rules of the user in docs/operating.md."""
    text = (ROOT / "docs" / "operating.md").read_text()
    match = re.search(r"ACL SETUSER jobline on >\S+ (.*)", text)
    assert match, "docs/operating.md names the user's rights"
    return match[1].split()
