"""API, worker and stock client with one Redis behind each kind of URL: TLS, a socket file, a login."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.tls_proxy import Authority, TlsProxy

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
