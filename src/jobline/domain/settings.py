"""Every setting of Jobline, its default and its check, read from variables ``JOBLINE_…``.

`.env.example`, the table in docs/operating.md and `jobline settings` are made from this model, so each
setting is described once: what it does, and what goes wrong when it is too small or too large.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobline.domain.environment import PREFIX, read
from jobline.domain.rate import Rate
from jobline.domain.redis_url import read_redis_url
from jobline.domain.retention import Retention
from jobline.domain.task import QUEUE

#: Characters that need no escape: in a script, in a pattern of SCAN, in a rule of Redis' ACL.
KEY_PREFIX = re.compile(r"[A-Za-z0-9_:{}-]{1,64}")
HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,10}")


class Auth(StrEnum):
    """Who may call the API."""

    #: Set by default. Everybody who reaches the port, which is then loopback's only.
    OFF = "off"
    #: Set by the operator. Callers with a key of ``jobline keys``.
    KEYS = "keys"


class Settings(BaseSettings):
    """The settings of one process; frozen, and checked at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=None, frozen=True, extra="ignore", env_ignore_empty=True
    )

    redis_url: Annotated[
        SecretStr,
        Field(
            description="The Redis that holds the ledger and the queues: redis://, unix://, or rediss:// "
            "for TLS, where the server's certificate is always checked; ?ssl_ca_certs=FILE names a private "
            "certificate authority. `jobline dev` starts a Redis itself when this is unset."
        ),
    ] = SecretStr("redis://127.0.0.1:6379/0")
    prefix: Annotated[
        str,
        Field(
            description="What every key in Redis begins with: 1 to 64 letters, digits and any of -_:{}. "
            "Several Joblines share one Redis under several prefixes, none of which may begin with another. "
            "Under a new prefix, the jobs under the old one are not seen."
        ),
    ] = "jl:"
    broker_url: Annotated[
        SecretStr | None,
        Field(
            description="The broker of Celery, for tools that expect this variable. The ledger's Redis is "
            "the only broker, so it is either unset or equal to JOBLINE_REDIS_URL; anything else is refused "
            "at start."
        ),
    ] = None
    tasks: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="The modules whose tasks are on offer: dotted names, comma-separated, found in the "
            "working directory or on PYTHONPATH; a package adds its submodules. Unset, the task families "
            "that come with Jobline: jobline.tasks, which can stand beside modules of yours. API and "
            "workers must agree: a worker that claims a job of an unknown task wastes one of its attempts."
        ),
    ] = ("jobline.tasks",)
    queues: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Queues that jobs may name beyond those of the tasks, comma-separated. A worker "
            "serves one of them only if `--queues` names it. A job of any other queue is refused, or a "
            "client could create queues without end. API and Celery clients must agree."
        ),
    ] = ()
    data_dir: Annotated[
        Path,
        AfterValidator(Path.absolute),  # a task may change the working directory
        Field(
            description="The directory of uploaded files and artifacts, and of Redis's data under `jobline "
            "dev`. API and workers must share it, or jobs do not find their files."
        ),
    ] = Path("data")
    auth: Annotated[
        Auth,
        Field(
            description="Who may call the API: off lets in everybody who reaches the port, which must then "
            "be on loopback; keys asks for an access key, see `jobline keys`."
        ),
    ] = Auth.OFF
    allow_open: Annotated[
        bool,
        Field(
            description="Allow the API to listen beyond loopback without keys. Whoever reaches it can then "
            "run jobs and read results, so set it only behind a gateway that checks its callers."
        ),
    ] = False
    rate_limit: Annotated[
        Rate | None,
        NoDecode,
        Field(
            description="Rate limit per key as requests/seconds, like 600/60; without keys, for all callers "
            "together. Unset, there is none. Too low, and clients that poll get 429; too high, and one "
            "client can keep the API busy."
        ),
    ] = None
    cors_origins: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Origins whose pages may call the API from a browser, comma-separated, like "
            "https://app.example. Unset, only pages of the API itself may."
        ),
    ] = ()
    hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            description="Domain names under which the API may be called, comma-separated, like "
            "jobs.example; names without a dot and IP addresses always may. Unset, any name may if keys are "
            "on or JOBLINE_ALLOW_OPEN is set, and none otherwise: a page of another site could reach the API "
            "under a name of its own (DNS rebinding)."
        ),
    ] = ()
    keep_alive_s: Annotated[
        int,
        Field(
            ge=1,
            le=3600,
            description="Seconds for which an idle connection is kept open. Shorter than the idle time of a "
            "proxy (60 s for most), and the proxy's requests fail now and then; too long, and idle clients "
            "hold connections.",
        ),
    ] = 75
    lease_s: Annotated[
        float,
        Field(
            ge=1,
            le=3600,
            description="Seconds for which a worker owns a running job; it renews the lease four times in "
            "each. Too short, and a pause of the worker or of Redis starts the job twice; too long, and the "
            "jobs of a dead worker wait as long before they start again.",
        ),
    ] = 30.0
    queue_limit: Annotated[
        int,
        Field(
            ge=1,
            description="Waiting and scheduled jobs that a queue takes before submits get 429. Too low, and "
            "bursts are refused; too high, and Redis may run out of memory first.",
        ),
    ] = 1_000_000
    tenant_max_running: Annotated[
        int,
        Field(
            ge=0,
            description="Jobs of one tenant that run at once, over all workers; 0 sets no limit. Too low, "
            "and slots stay idle while jobs wait; too high, and one tenant can take every slot.",
        ),
    ] = 0
    result_ttl_s: Annotated[
        int,
        Field(
            ge=1,
            description="Seconds for which a finished job, its result, events and artifacts are kept. Too "
            "short, and clients find results expired; too long, and Redis and the disk fill up.",
        ),
    ] = 7 * 86_400
    tombstone_ttl_s: Annotated[
        int,
        Field(
            ge=0,
            description="Seconds for which an expired job answers 410 Gone before it answers 404. Too "
            "short, and late clients cannot tell an expired job from a wrong id; each tombstone takes some "
            "memory.",
        ),
    ] = 86_400
    file_ttl_s: Annotated[
        int,
        Field(
            ge=60,
            description="Seconds for which an uploaded file is kept while no unfinished job names it. Too "
            "short, and it is gone before the job is submitted; too long, and the disk fills up.",
        ),
    ] = 86_400
    stop_grace_s: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds that a stopping worker lets running jobs finish before it releases them to "
            "other workers, which start them from the beginning. Too short, and each deployment repeats "
            "work; too long, and the platform may kill the worker first: keep it below that limit.",
        ),
    ] = 5.0
    cancel_grace_s: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds that a cancelled job may clean up before its process is killed. Too short, "
            "and temporary files stay behind; too long, and a job that ignores its cancel keeps the slot.",
        ),
    ] = 2.0
    max_body_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Size limit of a request's body in bytes, file uploads excepted. Too small, and "
            "large inputs and bulk requests get 413; too large, and a few requests can fill the API's "
            "memory.",
        ),
    ] = 1_048_576
    body_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="Seconds that a request's body may take; each kB received adds one second. Too "
            "short, and clients on slow networks get 408; too long, and slow clients can hold many "
            "connections.",
        ),
    ] = 15.0
    max_file_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Size limit of an uploaded file in bytes. Too small, and uploads get 413; too "
            "large, and one upload can fill the disk.",
        ),
    ] = 2_147_483_648
    max_result_bytes: Annotated[
        int,
        Field(
            ge=1024,
            description="Size limit of a job's result in bytes; larger ones fail the job, and belong into "
            "an artifact. Too large, and results fill Redis's memory.",
        ),
    ] = 262_144
    tracebacks: Annotated[
        bool,
        Field(
            description="Show the traceback of a failed job to clients. It helps in development, and it may "
            "show secrets, since it quotes code and error messages."
        ),
    ] = False

    @field_validator("tasks", "queues", "cors_origins", "hosts", mode="before")
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

    @field_validator("queues")
    @classmethod
    def check_queues(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Take only names that a task may declare."""
        for name in value:
            if not QUEUE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a queue: it must match {QUEUE.pattern}")
        return value

    @field_validator("rate_limit", mode="before")
    @classmethod
    def read_rate(cls, value: object) -> object:
        """Read ``600/60``."""
        return Rate.read(value) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what no browser sends as an origin, and ``*``, which would let every page of the web in."""
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(f"{origin!r} is no origin: write scheme://host[:port] alone, in lower case")
        return value

    @field_validator("hosts")
    @classmethod
    def check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no domain name: a scheme, a port or a path would never match."""
        for host in value:
            if not HOST_NAME.fullmatch(host):
                raise ValueError(f"{host!r} is no domain name: write it like jobs.example, in lower case")
        return value

    @field_validator("redis_url")
    @classmethod
    def check_ledger(cls, value: SecretStr) -> SecretStr:
        """Refuse URLs that two clients could read differently."""
        read_redis_url(value.get_secret_value())
        return value

    @field_validator("prefix")
    @classmethod
    def check_prefix(cls, value: str) -> str:
        """Take only what can begin a key without quotes."""
        if not KEY_PREFIX.fullmatch(value):
            raise ValueError(f"must be 1 to 64 letters, digits and any of -_:{{}}, like shop:, not {value!r}")
        return value

    @model_validator(mode="after")
    def check_broker(self) -> Self:
        """Refuse a broker of its own: a job sent there would be lost."""
        if self.broker_url and self.broker_url.get_secret_value() != self.redis_url.get_secret_value():
            raise ValueError(
                "JOBLINE_BROKER_URL must be unset or equal JOBLINE_REDIS_URL: "
                "in this version the ledger's Redis is the only broker"
            )
        return self

    @property
    def ledger_url(self) -> str:
        """The URL of the ledger, with its password; never log it."""
        return self.redis_url.get_secret_value()

    @property
    def lease_ms(self) -> int:
        """The lease in milliseconds."""
        return int(self.lease_s * 1000)

    @cached_property
    def retention(self) -> Retention:
        """The TTLs of results, files and tombstones."""
        return Retention(self.result_ttl_s * 1000, self.file_ttl_s * 1000, self.tombstone_ttl_s * 1000)


def read_settings() -> Settings:
    """Read the environment; raises SettingsError with one line for each wrong variable."""
    return read(Settings)
