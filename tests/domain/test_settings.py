from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from jobline.domain.errors import SettingsError
from jobline.domain.rate import Rate
from jobline.domain.settings import Auth, Settings, read_settings

#: Of each setting: a text that the environment may hold, and its value.
SAMPLES: dict[str, tuple[str, Any]] = {
    "redis_url": ("rediss://u:p@host:1/2", SecretStr("rediss://u:p@host:1/2")),
    "prefix": ("{shop}:", "{shop}:"),
    "broker_url": ("redis://127.0.0.1:6379/0", SecretStr("redis://127.0.0.1:6379/0")),
    "tasks": ("shop.tasks, shop.more,", ("shop.tasks", "shop.more")),
    "data_dir": ("/srv/data", Path("/srv/data")),
    "auth": ("keys", Auth.KEYS),
    "allow_open": ("true", True),
    "tenant_max_running": ("4", 4),
    "lease_s": ("2.5", 2.5),
    "queue_limit": ("7", 7),
    "result_ttl_s": ("60", 60),
    "tombstone_ttl_s": ("0", 0),
    "file_ttl_s": ("60", 60),
    "stop_grace_s": ("0", 0.0),
    "cancel_grace_s": ("0.5", 0.5),
    "max_body_bytes": ("2048", 2048),
    "max_file_bytes": ("4096", 4096),
    "max_result_bytes": ("8192", 8192),
    "tracebacks": ("yes", True),
    "rate_limit": ("600/60", Rate.read("600/60")),
    "cors_origins": ("https://a.example, http://b", ("https://a.example", "http://b")),
    "queues": ("mail, bulk", ("mail", "bulk")),
    "hosts": ("jobs.example, api", ("jobs.example", "api")),
    "keep_alive_s": ("90", 90),
    "body_timeout_s": ("0.5", 0.5),
}
#: Of each setting that can be wrong: texts that are.
WRONG = {
    "redis_url": ["http://user:s3cret@host", "s3cret", "amqp://s3cret@host"],
    "prefix": ["shop 1:", "shop'", "*", "ä:", "s" * 65],
    "tasks": [",", "tasks.py", "a-b", "a..b", "."],
    "data_dir": [],
    "auth": ["maybe"],
    "allow_open": ["perhaps"],
    "tenant_max_running": ["-1", "many"],
    "lease_s": ["0", "0.9", "3601", "soon", "nan"],
    "queue_limit": ["0", "-1", "many"],
    "result_ttl_s": ["0", "1.5"],
    "tombstone_ttl_s": ["-1"],
    "file_ttl_s": ["59"],
    "stop_grace_s": ["-1"],
    "cancel_grace_s": ["-0.1"],
    "max_body_bytes": ["1023"],
    "max_file_bytes": ["1023"],
    "max_result_bytes": ["1023"],
    "tracebacks": ["2"],
    "rate_limit": ["600", "0/60", "600/0", "a/b", "-1/60"],
    "cors_origins": ["*", "app.example", "https://a.example/path"],
    "queues": ["a b", "*"],
    "hosts": ["*", "https://jobs.example", "jobs.example:80", "Jobs.example"],
    "keep_alive_s": ["0", "3601", "1.5"],
    "body_timeout_s": ["0", "3601"],
    "broker_url": ["amqp://user:s3cret@host"],
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JOBLINE_")]:
        monkeypatch.delenv(name)


def test_every_setting_has_its_test() -> None:
    assert set(SAMPLES) == set(WRONG) == set(Settings.model_fields)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_variable_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, value = SAMPLES[name]
    monkeypatch.setenv(f"JOBLINE_{name.upper()}", given)
    assert getattr(read_settings(), name) == value


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, texts in WRONG.items() for given in texts]
)
def test_wrong_variable_is_named_and_its_secret_is_not_shown(
    name: str, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"JOBLINE_{name.upper()}", given)
    with pytest.raises(SettingsError, match=f"JOBLINE_{name.upper()}") as caught:
        read_settings()
    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_LEASE_S", "0")
    monkeypatch.setenv("JOBLINE_AUTH", "maybe")
    with pytest.raises(SettingsError, match=r"JOBLINE_AUTH: .*; JOBLINE_LEASE_S: "):
        read_settings()


def test_broker_that_is_not_the_ledger_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_REDIS_URL", "redis://:s3cret@a/0")
    monkeypatch.setenv("JOBLINE_BROKER_URL", "redis://:s3cret@b/0")
    with pytest.raises(SettingsError, match="JOBLINE_BROKER_URL must be unset or equal") as caught:
        read_settings()
    assert "s3cret" not in str(caught.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_REDIS_URL", "redis://user:s3cret@host/0")
    settings = read_settings()
    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump_json()}"
    assert settings.ledger_url == "redis://user:s3cret@host/0"


def test_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_QUEUE_LIMIT", "")
    assert read_settings().queue_limit == 1_000_000


def test_settings_are_frozen_and_count_in_milliseconds() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.lease_s = 1.0  # type: ignore[misc]
    assert (settings.lease_ms, settings.retention.result_ms) == (30_000, 604_800_000)


def test_other_variables_are_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBLINE_URL", "http://127.0.0.1")
    monkeypatch.setenv("LEASE_S", "0")
    assert read_settings() == Settings()


def test_data_directory_does_not_follow_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a task's `os.chdir`, later jobs looked for their files elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JOBLINE_DATA_DIR", raising=False)
    assert Settings().data_dir == tmp_path / "data"
    monkeypatch.setenv("JOBLINE_DATA_DIR", "below/data")
    assert Settings().data_dir == tmp_path / "below" / "data"
