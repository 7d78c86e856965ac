"""The one reading of ``JOBLINE_REDIS_URL``. No client of Redis reads the URL itself.

redis-py and kombu read the same URL differently: each has its own rules for the database, the query, a socket
file and TLS, and each ignores what it does not know. Then the API and the workers may use two databases, or
one of them may send the password without TLS. So a URL has one meaning here, or is refused at start. No
message shows a part of the URL that may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

SCHEMES = frozenset({"redis", "rediss", "unix"})
DEFAULT_HOST, DEFAULT_PORT = "localhost", 6379
DATABASE = re.compile(r"[0-9]{1,6}")
BLANK = re.compile(r"\s")
LOGIN = ("username", "password")
#: Options of a rediss:// URL that name files, as in redis-py.
TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
#: Options that other programs read in the same URL, and their one value: Jobline always checks certificates.
TLS_CHECKS = {"ssl_cert_reqs": ("required", "cert_required"), "ssl_check_hostname": ("true", "yes", "1")}
OPTIONS = ("db", *LOGIN, *TLS_FILES, *TLS_CHECKS)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis is, and what a client needs to be let in. With a ``path``, host and port do not count."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""  #: of a socket file
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    tls_files: Mapping[str, str] = field(default_factory=dict)  #: absolute paths, by redis-py's option

    @property
    def login(self) -> str:
        """The user name and password as a URL has them before its host; empty without any."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        login = quote(self.username or "", safe="") + secret
        return f"{login}@" if login else ""


def read_redis_url(text: str) -> RedisAddress:
    """Read a URL of Redis; raises ValueError with what is wrong and what to write instead."""
    text = text.strip()
    if BLANK.search(text) or "#" in text:
        raise ValueError("percent-encode blanks and # in the URL")
    try:
        parts = urlsplit(text)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        raise ValueError(
            "the host or port is malformed; percent-encode / ? # @ : and % in a user name or password"
        ) from None
    if parts.scheme not in SCHEMES:
        raise ValueError("the URL must begin with redis://, rediss:// or unix://")
    if port == 0:
        raise ValueError("the port must be 1 to 65535")
    options = read_options(parts)
    is_socket_file = parts.scheme == "unix"
    return RedisAddress(
        host=unquote(parts.hostname or DEFAULT_HOST),
        port=port,
        path=read_socket_file(parts) if is_socket_file else "",
        db=read_database("" if is_socket_file else parts.path, options.get("db")),
        username=choose("user name", unquote(parts.username or ""), options.get("username")),
        password=choose("password", unquote(parts.password or ""), options.get("password")),
        is_tls=parts.scheme == "rediss",
        tls_files={name: read_file(name, options[name]) for name in TLS_FILES if name in options},
    )


def read_options(parts: SplitResult) -> dict[str, str]:
    """Return the options of the query; refuses those with which two clients could differ."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ValueError("an option of the query is there twice")
    for name, value in pairs:
        if name not in OPTIONS:
            raise ValueError(
                f"Jobline sets all options of its connections; the query may have {', '.join(OPTIONS)} alone"
            )
        if name.startswith("ssl_") and parts.scheme != "rediss":
            raise ValueError(f"{name} needs a URL that begins with rediss://")
        if name in TLS_CHECKS and value.lower() not in TLS_CHECKS[name]:
            raise ValueError(
                f"{name} must be {TLS_CHECKS[name][0]} or left out: every certificate is checked; name the "
                "file of a private certificate authority in ssl_ca_certs"
            )
    return options


def read_database(path: str, option: str | None) -> int:
    """Return the number of the database, which stands in the path or in the query."""
    written = path.removeprefix("/").removesuffix("/")
    for text in (written, option):
        if text and not DATABASE.fullmatch(text):
            raise ValueError("the database must be a number, as in redis://host/0 or ?db=0")
    numbers = {int(text) for text in (written, option) if text}
    if len(numbers) > 1:
        raise ValueError("the path and ?db= name two databases: leave one out")
    return numbers.pop() if numbers else 0


def choose(what: str, before_host: str, option: str | None) -> str | None:
    """Return a part of the login, which stands before the host or in the query; None without any."""
    if before_host and option and before_host != option:
        raise ValueError(f"the URL has two values for the {what}: leave one out")
    return before_host or option or None


def read_socket_file(parts: SplitResult) -> str:
    """Return the path of a socket file."""
    if parts.hostname or len(parts.path) <= 1:
        raise ValueError("a socket file needs an absolute path, as in unix:///run/redis.sock")
    return unquote(parts.path)


def read_file(name: str, value: str) -> str:
    """Return the path of a file of TLS; absolute, since a program may change its working directory."""
    path = Path(value).absolute()
    if not path.exists():
        raise ValueError(f"{name}: there is no {path}")
    return str(path)
