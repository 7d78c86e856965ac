"""Where requests may come from: no change for a page of another site; without keys, this machine alone.

Without keys, everybody who reaches the port may use the API. `jobline api` checks the address at start by
`is_loopback`; another ASGI server does not tell where it listens, so each request is checked as well.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from starlette.types import Scope

from jobline.service.answers.refusals import ForeignOrigin, NotServedHere
from jobline.service.guards.scopes import READING

#: Values of Sec-Fetch-Site for requests of our own pages, and of a user who typed the address.
OWN_SITES = frozenset({b"same-origin", b"none"})
#: The ports that an origin and a Host leave out.
DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}
#: Bound of the memory of checked hosts; strangers can invent names.
MAX_HOSTS = 1000


class ReachCheck:
    """The check of each request: where it arrived, under which name, and from whose page."""

    def __init__(self, *, is_local: bool, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        #: Whether only this machine is served, and no domain name but those of ``hosts``.
        self._is_local = is_local
        self._origins = frozenset(origin.encode() for origin in origins)
        self._hosts = frozenset(hosts)
        self._checked: set[tuple[str, bytes]] = set()

    def check(self, scope: Scope) -> None:
        """Raise NotServedHere or ForeignOrigin."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"")
        if self._is_local or self._hosts:
            server = (scope.get("server") or ("", None))[0]
            if (server, host) not in self._checked:
                self._check_host(server, host)
                if len(self._checked) < MAX_HOSTS:
                    self._checked.add((server, host))
        if scope["method"] not in READING and not self._is_own(headers, host):
            raise ForeignOrigin(
                "This change was requested by a page of another site. "
                "JOBLINE_CORS_ORIGINS names the origins that may do so."
            )

    def _check_host(self, server: str, host: bytes) -> None:
        """Refuse requests from the network, or under a domain name: DNS rebinding may use any."""
        if self._is_local and not is_loopback(server, other=True):
            raise NotServedHere(
                "Without keys, only requests from this machine are accepted. "
                "Set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true."
            )
        name = drop_port(host.decode("latin-1").lower())
        is_plain = "." not in name or name.endswith(".localhost") or is_address(name)
        if not is_plain and name not in self._hosts:
            raise NotServedHere(
                f"The service is not offered under the name {name[:100]!r}. "
                "Use localhost or an IP address, or add the name to JOBLINE_HOSTS."
            )

    def _is_own(self, headers: Mapping[bytes, bytes], host: bytes) -> bool:
        """Return whether no page asked for the request, or one of ours, or one of an allowed origin."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if origin in self._origins:
            return True
        if site is not None and site not in OWN_SITES:
            return False
        return origin is None or site == b"same-origin" or is_same_origin(origin, host)


def is_same_origin(origin: bytes, host: bytes) -> bool:
    """Return whether a page of this origin was served under this host; a proxy may have ended TLS."""
    scheme, _, authority = origin.lower().partition(b"://")
    port = DEFAULT_PORTS.get(scheme)
    return port is not None and authority.removesuffix(port) == host.lower().removesuffix(port)


def drop_port(host: str) -> str:
    """Return a host without its port."""
    return host.rpartition(":")[0] if ":" in host else host


def is_loopback(host: str, *, other: bool = False) -> bool:
    """Return whether only this machine reaches the host; ``other`` is the answer if it is not an address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return other or host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_address(name: str) -> bool:
    """Return whether a host is an IP address."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
