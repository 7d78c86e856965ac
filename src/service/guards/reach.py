"""The limits of a service without keys: requests from this machine alone, and none from pages of other sites.

Without keys, everybody who reaches the port may use the API. `jobline api` checks the address at start by
`is_loopback`; another ASGI server does not tell where it listens, so each request is checked as well.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import Scope

from jobline.service.answers.refusals import NotServedHere
from jobline.service.guards.scopes import READING

#: Values of Sec-Fetch-Site for requests of our own pages, and of a user who typed the address.
OWN_SITES = frozenset({b"same-origin", b"none"})
#: Bound of the memory of checked hosts; strangers can invent names.
MAX_HOSTS = 1000


class ReachCheck:
    """The check of each request while keys are off."""

    def __init__(self, *, is_open: bool, origins: Iterable[str]) -> None:
        self._is_open = is_open
        self._origins = frozenset(origin.encode() for origin in origins)
        self._checked: set[tuple[str, bytes]] = set()

    def check(self, scope: Scope) -> None:
        """Raise NotServedHere for a request from another machine or from a page of another site."""
        headers = dict(scope["headers"])
        if not self._is_open:
            server, host = (scope.get("server") or ("", None))[0], headers.get(b"host", b"")
            if (server, host) not in self._checked:
                check_host(server, host)
                if len(self._checked) < MAX_HOSTS:
                    self._checked.add((server, host))
        if (
            scope["method"] not in READING
            and headers.get(b"sec-fetch-site", b"none") not in OWN_SITES
            and headers.get(b"origin") not in self._origins
        ):
            raise NotServedHere(
                "This change was requested by a page of another site. "
                "JOBLINE_CORS_ORIGINS names the origins that may do so."
            )


def check_host(server: str, host: bytes) -> None:
    """Refuse requests that arrived over the network, or under a domain name, which DNS rebinding may use."""
    if not is_loopback(server, other=True):
        raise NotServedHere(
            "Without keys, only requests from this machine are accepted. "
            "Set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true."
        )
    text = host.decode("latin-1").lower()
    name = text.rpartition(":")[0] if ":" in text else text
    if "." in name and not name.endswith(".localhost") and not is_address(name):
        raise NotServedHere(
            "Without keys, requests under a domain name are refused. Use localhost, or set JOBLINE_AUTH=keys."
        )


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
