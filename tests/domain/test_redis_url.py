"""One URL has one meaning, or is refused: no client of Redis has a reading of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.connection import parse_url

from jobline.domain.redis_url import RedisAddress, read_redis_url

MEANINGS = {
    "redis://": RedisAddress(),
    "redis://h": RedisAddress("h"),
    "redis:///3": RedisAddress(db=3),
    "redis://h:1/": RedisAddress("h", 1),
    "redis://h:1/5": RedisAddress("h", 1, db=5),
    "redis://h:1/5/": RedisAddress("h", 1, db=5),
    "redis://h:1?db=5": RedisAddress("h", 1, db=5),
    "redis://h:1/5?db=5": RedisAddress("h", 1, db=5),
    "REDIS://h:1/5": RedisAddress("h", 1, db=5),
    "  redis://h:1/5\n": RedisAddress("h", 1, db=5),
    "redis://[::1]:7/0": RedisAddress("::1", 7),
    "redis://:p%2Fw@h": RedisAddress("h", password="p/w"),
    "redis://u%40x:p%23@h": RedisAddress("h", username="u@x", password="p#"),
    "redis://u@h": RedisAddress("h", username="u"),
    "redis://h?username=u&password=p%20w": RedisAddress("h", username="u", password="p w"),
    "rediss://h:1/5": RedisAddress("h", 1, db=5, is_tls=True),
    "rediss://h?ssl_cert_reqs=required": RedisAddress("h", is_tls=True),
    "rediss://h?ssl_cert_reqs=CERT_REQUIRED": RedisAddress("h", is_tls=True),
    "unix:///run/r.sock": RedisAddress(path="/run/r.sock"),
    "unix:///run/r.sock?db=5": RedisAddress(path="/run/r.sock", db=5),
    "unix://:p%40w@/run/r.sock": RedisAddress(path="/run/r.sock", password="p@w"),
    "unix://u:p%40w@/run/r%20s.sock?db=2": RedisAddress(
        path="/run/r s.sock", db=2, username="u", password="p@w"
    ),
    "unix:///run/r.sock?username=u&password=p%2Bw": RedisAddress(
        path="/run/r.sock", username="u", password="p+w"
    ),
}

REFUSED = {
    "": "must begin with",
    "   ": "must begin with",
    "127.0.0.1:6379": "must begin with",
    "http://h": "must begin with",
    "sentinel://h": "must begin with",
    "redis+socket:///run/r.sock": "must begin with",
    "redis://h/abc": "must be a number",
    "redis://h/0/1": "must be a number",
    "redis://h/-1": "must be a number",
    "redis://h?db=abc": "must be a number",
    "redis://h/1?db=2": "two databases",
    "redis://h?db=1&db=2": "there twice",
    "redis://h?socket_timeout=5": "Jobline sets all options",
    "redis://h?protocol=3": "Jobline sets all options",
    "redis://h?virtual_host=1": "Jobline sets all options",
    "redis://h?ssl_ca_certs=/x": "needs a URL that begins with rediss://",
    "rediss://h?ssl_cert_reqs=none": "must be required",
    "rediss://h?ssl_cert_reqs=optional": "must be required",
    "rediss://h?ssl_check_hostname=false": "must be true",
    "rediss://h?ssl_ca_certs=/no/such/file": "there is no /no/such/file",
    "redis://h h": "percent-encode blanks",
    "redis://h/0 # note": "percent-encode blanks",
    "redis://u:a#b@h": "percent-encode blanks",
    "redis://u:a/b@h": "malformed",
    "redis://h:port": "malformed",
    "redis://h:99999": "malformed",
    "redis://[::1": "malformed",
    "redis://h:0": "1 to 65535",
    "redis://u:p@h?password=q": "two values for the password",
    "unix://run/r.sock": "absolute path",
    "unix://": "absolute path",
    "unix:///": "absolute path",
    "unix:///run/r.sock?ssl_ca_certs=/x": "rediss://",
}  # fmt: skip


@pytest.mark.parametrize("url", MEANINGS)
def test_url_has_one_meaning(url: str) -> None:
    """The API and the workers would use two databases, each with a part of the jobs."""
    assert read_redis_url(url) == MEANINGS[url]


@pytest.mark.parametrize("url", REFUSED)
def test_url_that_clients_could_read_differently_is_refused_with_what_to_do(url: str) -> None:
    """A URL that one client ignores in part would work in the API and kill the worker."""
    with pytest.raises(ValueError, match=REFUSED[url]):
        read_redis_url(url)


@pytest.mark.parametrize(
    "url",
    ["redis://u:hunter/2@h", "redis://u:hunter#2@h", "redis://u:hunter@h/x", "redis://u:hunter@h?password=q"],
)
def test_refusal_never_shows_the_password(url: str) -> None:
    """Error messages of settings reach logs."""
    with pytest.raises(ValueError, match=r"\w") as refused:
        read_redis_url(url)
    assert "hunter" not in str(refused.value)


def test_reading_agrees_with_redis_py_where_that_is_clear() -> None:
    """An operator tries the same URL with redis-cli or redis-py and must meet the same Redis."""
    for url in ("redis://u:p%40@h:7/3", "redis://h?db=4", "rediss://h:7/1", "unix://u:p@/run/r.sock?db=2"):
        address, theirs = read_redis_url(url), parse_url(url)
        assert address.username == theirs.get("username")
        assert address.password == theirs.get("password")
        assert address.db == theirs["db"] if "db" not in url else int(theirs["db"])
        assert address.path == theirs.get("path", "")


def test_file_of_tls_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that changes the working directory must not break the next connection."""
    (tmp_path / "ca.pem").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert read_redis_url("rediss://h?ssl_ca_certs=ca.pem").tls_files == {
        "ssl_ca_certs": str(tmp_path / "ca.pem")
    }
