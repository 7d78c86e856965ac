from __future__ import annotations

import json

import pytest
import redis

from jobline.domain.access import read_token
from jobline.ledger.keys import LAYOUT_VERSION, Key
from tests.support.cli import Call


@pytest.fixture(autouse=True)
def ledger(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_REDIS_URL", redis_url)
    monkeypatch.setenv("JOBLINE_AUTH", "keys")


def test_key_is_shown_once_and_listed_without_its_secret(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        call("keys", "create", "--tenant", "acme", "--scope", "read", "--scope", "admin", "--name", "ci") == 0
    )
    out, err = capsys.readouterr()
    credential = read_token(out.strip())
    assert credential is not None
    assert err == f"key {credential.id} of acme may read admin; it is not shown again\n"

    assert call("keys", "list", "--json") == 0
    listed = capsys.readouterr().out
    (key,) = json.loads(listed)["items"]
    assert (key["id"], key["tenant"], key["name"], key["scopes"]) == (
        credential.id,
        "acme",
        "ci",
        ["read", "admin"],
    )
    assert (key["used_at"], key["expires_at"]) == (None, None)
    assert out.strip().rpartition("_")[2] not in listed
    assert credential.digest not in listed
    assert call("keys", "list") == 0
    assert "read admin" in capsys.readouterr().out


def test_revoked_key_is_gone_and_an_unknown_one_is_an_error(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    call("keys", "create", "--tenant", "acme", "--expires-in-days", "1")
    credential = read_token(capsys.readouterr().out.strip())
    assert credential is not None

    assert call("keys", "revoke", credential.id) == 0
    assert call("keys", "revoke", credential.id) == 1
    capsys.readouterr()
    call("keys", "list", "--json")
    assert json.loads(capsys.readouterr().out) == {"items": []}


@pytest.mark.parametrize(
    "words",
    [("--tenant", "A:b"), ("--tenant", ""), ("--tenant", "a", "--name", "x\n"), ("--tenant", "a" * 64)],
)
def test_wrong_key_is_not_made(
    call: Call, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert call("keys", "create", *words) == 1
    assert capsys.readouterr().out == ""


def test_ledger_out_of_reach_is_one_line(
    call: Call, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBLINE_REDIS_URL", "redis://127.0.0.1:1/0")
    assert call("keys", "list") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("jobline: The ledger cannot be reached")


def test_ledger_of_another_version_is_one_line(
    call: Call, capsys: pytest.CaptureFixture[str], redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(Key.VERSION.of(), LAYOUT_VERSION + 1)
    assert call("keys", "list") == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert f"has version {LAYOUT_VERSION + 1}" in line
    assert out == ""
