from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jobline.cli.commands.settings import own_settings
from jobline.cli.settings_files import BEGIN, END, Setting, env_example, markdown, replace_table
from jobline.domain.client_settings import ClientSettings
from jobline.domain.environment import variable
from jobline.domain.settings import Settings
from jobline.tasks.image.limits import ImageLimits
from tests.support.cli import Call

ROOT = Path(__file__).parents[2]
SETTINGS = [
    *(variable(Settings, name) for name in Settings.model_fields),
    *(variable(ClientSettings, name) for name in ClientSettings.model_fields),
    *(variable(ImageLimits, name) for name in ImageLimits.model_fields),
]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JOBLINE_")]:
        monkeypatch.delenv(name)


def test_files_are_what_the_settings_say() -> None:
    made = own_settings()
    assert (ROOT / ".env.example").read_text() == env_example(made), "run: make env"
    document = (ROOT / "docs/operating.md").read_text()
    assert document == replace_table(document, markdown(made)), "run: make env"


def test_env_example_changes_nothing_as_it_stands_and_reads_as_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = env_example(own_settings()).splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    values = [line[2:].partition("=") for line in lines if line.startswith("# JOBLINE_")]
    assert [name for name, _, _ in values] == SETTINGS
    for name, _, value in values:
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("JOBLINE_REDIS_URL")
    assert Settings() == Settings.model_construct(data_dir=Path("data").absolute())
    assert ImageLimits() == ImageLimits.model_construct()


def test_every_setting_is_described_in_sentences() -> None:
    assert [one.variable for one in own_settings() if not one.description.endswith(".")] == []


def test_every_setting_is_listed_with_families(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("settings") == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert listed == SETTINGS


def test_value_in_force_is_shown_with_its_source(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("JOBLINE_LEASE_S=12\nJOBLINE_AUTH=off\n")
    monkeypatch.setenv("JOBLINE_AUTH", "keys")
    assert call("settings", "--json") == 0
    found = {
        one["variable"]: (one["value"], one["from"]) for one in json.loads(capsys.readouterr().out)["items"]
    }
    assert found["JOBLINE_LEASE_S"] == ("12.0", ".env")
    assert found["JOBLINE_AUTH"] == ("keys", "environment")
    assert found["JOBLINE_QUEUE_LIMIT"] == ("1000000", "default")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:s3cret@host:1/2", "redis://user:***@host:1/2"),
        ("redis://:s3cret@host", "redis://:***@host"),
        ("unix:///run/redis.sock?password=s3cret&db=1", "unix:///run/redis.sock?password=***&db=1"),
        ("redis://host:1/2", "redis://host:1/2"),
    ],
)
def test_secret_is_masked(
    url: str, shown: str, call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBLINE_REDIS_URL", url)
    assert call("settings", "REDIS_URL") == 0
    out = capsys.readouterr().out
    assert shown in out.split()
    assert "s3cret" not in out


def test_unknown_setting_is_refused(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("settings", "nope") == 2
    assert "there is no setting nope" in capsys.readouterr().err


def test_file_that_is_out_of_date_is_named_and_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/operating.md").write_text(f"# Before\n{BEGIN}old\n{END}After\n")
    assert call("settings", "--check") == 1
    assert call("settings", "--write") == 0
    assert call("settings", "--check") == 0
    written = (tmp_path / "docs/operating.md").read_text()
    assert written.startswith("# Before\n")
    assert written.endswith("After\n")
    assert "| `JOBLINE_IMAGE_MAX_BYTES` | `50000000` |" in written


def test_document_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        replace_table("# Nothing\n", markdown([Setting("A", "", "What.")]))
