"""Every setting, its default and its check, read from ``JOBLINE_…``; `.env.example` is written from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobline.domain.errors import SettingsError
from jobline.domain.retention import Retention

REDIS_SCHEMES = frozenset({"redis", "rediss", "unix"})


class Auth(StrEnum):
    """Say who may call the API."""

    #: Set by default. Everybody who reaches the port, which is then loopback's only.
    OFF = "off"
    #: Set by the operator. Callers with a key of ``jobline keys``.
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Rate:
    """Allow so many requests in a window of so many seconds; reads and writes ``600/60``."""

    requests: int
    window_s: int

    @classmethod
    def read(cls, text: str) -> Rate:
        """Read ``requests/seconds``; raises ValueError for anything else."""
        match = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,4})", text.strip())
        if match is None:
            raise ValueError(f"must read requests/seconds, like 600/60, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.requests}/{self.window_s}"


class Settings(BaseSettings):
    """Hold the settings of one process; frozen, checked at start."""

    model_config = SettingsConfigDict(
        env_prefix="JOBLINE_", env_file=None, frozen=True, extra="ignore", env_ignore_empty=True
    )

    redis_url: Annotated[
        SecretStr,
        Field(description="The ledger: redis://, rediss:// or unix://. `jobline dev` starts one itself."),
    ] = SecretStr("redis://127.0.0.1:6379/0")
    broker_url: Annotated[
        SecretStr | None, Field(description="The broker of Celery's own messages; unset, the ledger's Redis.")
    ] = None
    tasks: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="The modules whose tasks are on offer: dotted names, comma-separated, found in the "
            "working directory or on PYTHONPATH; a package adds its submodules. Unset, the task families "
            "that come with Jobline: jobline.tasks, which can stand beside modules of yours."
        ),
    ] = ("jobline.tasks",)
    data_dir: Annotated[
        Path, Field(description="Files, artifacts and, for `jobline dev`, the data of Redis.")
    ] = Path("data")
    auth: Annotated[Auth, Field(description="off (loopback only) or keys.")] = Auth.OFF
    allow_open: Annotated[
        bool, Field(description="Bind beyond loopback without keys; only behind a gateway of your own.")
    ] = False
    rate_limit: Annotated[
        Rate | None,
        NoDecode,
        Field(
            description="Requests a key may make in so many seconds, like 600/60; without keys, all callers "
            "together. Unset, no limit."
        ),
    ] = None
    cors_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Origins whose pages may call the API from a browser, comma-separated, like "
            "https://app.example; unset, none but its own."
        ),
    ] = ()
    lease_s: Annotated[
        float,
        Field(ge=1, le=3600, description="A worker's claim on a running job; renewed each quarter of it."),
    ] = 30.0
    queue_limit: Annotated[
        int, Field(ge=1, description="Waiting and scheduled jobs a queue takes before it answers 429.")
    ] = 1_000_000
    tenant_max_running: Annotated[
        int,
        Field(ge=0, description="Jobs of one tenant that run at once, over all workers; 0: any number."),
    ] = 0
    result_ttl_s: Annotated[
        int, Field(ge=1, description="How long a finished job, its result, events and artifacts are kept.")
    ] = 7 * 86_400
    tombstone_ttl_s: Annotated[
        int, Field(ge=0, description="How long an expired job answers 410 before it answers 404.")
    ] = 86_400
    file_ttl_s: Annotated[
        int, Field(ge=60, description="How long an uploaded file is kept when no unfinished job names it.")
    ] = 86_400
    stop_grace_s: Annotated[
        float,
        Field(
            ge=0, description="How long a stopping worker lets running jobs end before it hands them back."
        ),
    ] = 5.0
    cancel_grace_s: Annotated[
        float, Field(ge=0, description="How long a cancelled job may clean up before its process is killed.")
    ] = 2.0
    max_body_bytes: Annotated[
        int, Field(ge=1024, description="The largest request body, files excepted.")
    ] = 1_048_576
    body_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="How long a request's body may take; each kB that came grants one second more.",
        ),
    ] = 15.0
    max_file_bytes: Annotated[int, Field(ge=1024, description="The largest uploaded file.")] = 2_147_483_648
    max_result_bytes: Annotated[int, Field(ge=1024, description="The largest result kept in the ledger.")] = (
        262_144
    )
    tracebacks: Annotated[
        bool, Field(description="Show the traceback of a failed job in the API; it may hold secrets.")
    ] = False

    @field_validator("tasks", "cors_origins", mode="before")
    @classmethod
    def split_words(cls, value: object) -> object:
        """Read ``a.b, c`` as two words."""
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("tasks")
    @classmethod
    def check_tasks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse paths of files, and an empty list, with which there would be nothing to run."""
        if not value:
            raise ValueError("must name a module, like tasks or shop.tasks")
        for name in value:
            if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
                raise ValueError(f"{name!r} is no module: write its dotted name, like tasks or shop.tasks")
        return value

    @field_validator("rate_limit", mode="before")
    @classmethod
    def read_rate(cls, value: object) -> object:
        """Read ``600/60``."""
        return Rate.read(value) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Take origins as browsers send them, and no ``*``: it would let every page on the web in."""
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(f"{origin!r} is no origin: write scheme://host[:port] alone, in lower case")
        return value

    @field_validator("redis_url")
    @classmethod
    def check_ledger(cls, value: SecretStr) -> SecretStr:
        """Take only what redis-py can open."""
        scheme = urlsplit(value.get_secret_value()).scheme
        if scheme not in REDIS_SCHEMES:
            raise ValueError(f"the scheme must be one of {', '.join(sorted(REDIS_SCHEMES))}, not {scheme!r}")
        return value

    @model_validator(mode="after")
    def check_broker(self) -> Settings:
        """Refuse a broker that this version cannot serve, rather than lose a job to it."""
        if self.broker_url is None:
            return self
        if self.broker_url.get_secret_value() != self.redis_url.get_secret_value():
            raise ValueError(
                "JOBLINE_BROKER_URL must be unset or equal JOBLINE_REDIS_URL: "
                "in this version the ledger's Redis is the only broker"
            )
        return self

    @property
    def ledger_url(self) -> str:
        """Give the URL of the ledger, with its password; never log it."""
        return self.redis_url.get_secret_value()

    @property
    def lease_ms(self) -> int:
        """Give the lease in milliseconds, as the scripts count."""
        return int(self.lease_s * 1000)

    @cached_property
    def retention(self) -> Retention:
        """The TTLs of results, files and tombstones."""
        return Retention(self.result_ttl_s * 1000, self.file_ttl_s * 1000, self.tombstone_ttl_s * 1000)


def read_settings() -> Settings:
    """Read the environment; raises SettingsError with one line for each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [describe(part["loc"], part["msg"]) for part in error.errors(include_input=False)]
        raise SettingsError("; ".join(lines)) from None


def describe(location: tuple[int | str, ...], message: str) -> str:
    """Name the variable of one wrong setting."""
    name = f"JOBLINE_{str(location[0]).upper()}: " if location else ""
    return f"{name}{message}"
