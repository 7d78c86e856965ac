"""Let a request in or not, before any route sees it: the key, its scope, its quota; a plain ASGI wrapper.

Without keys everybody who reaches the port is let in, so then it is held to what that should be: this machine
alone, and no page of another site in this machine's browser.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobline.domain.access import ANYBODY, PUBLIC, Principal, read_token
from jobline.domain.errors import LedgerUnavailable, Refused
from jobline.service.answers.problems import answer_error
from jobline.service.answers.refusals import Forbidden, NotServedHere, RateLimited, Unauthorized
from jobline.service.guards.keyring import Keyring
from jobline.service.guards.quota import Quota
from jobline.service.guards.scopes import PRINCIPAL, READING, find_path, find_scope

#: RFC 6750, section 3.
CHALLENGE = 'Bearer realm="jobline"'
#: What a browser says of requests that the page in view, or its user, asked for (Fetch Metadata).
OWN_SITES = frozenset({b"same-origin", b"none"})
PORT = re.compile(r":\d*$")
MOST_HOSTS = 1000


class Gate:
    """Put the principal into the scope of every request that it lets in; ``keyring`` is None without keys."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring | None,
        quota: Quota | None,
        is_open: bool,
        origins: tuple[str, ...],
    ) -> None:
        self.app = app
        self._keyring = keyring
        self._quota = quota
        self._is_open = is_open
        self._origins = frozenset(origin.encode() for origin in origins)
        self._near: set[tuple[str, bytes]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            send = await self._admit(scope, send)
        except (Refused, LedgerUnavailable) as error:
            response = await self._answer(scope, error)
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _admit(self, scope: Scope, send: Send) -> Send:
        """Find out who calls; raises what stands in the way, and gives the way for the answer."""
        needed = find_scope(scope["method"], find_path(scope))
        if self._keyring is None:
            self._check_reach(scope)
            principal = ANYBODY
        elif needed is None:
            return send
        else:
            principal = await identify(self._keyring, scope)
            if not principal.may(needed):
                raise Forbidden(f"This needs a key with the scope {needed}.")
        scope[PRINCIPAL] = principal
        if self._quota is None or needed is None:
            return send
        standing = await self._quota.admit(principal.id or PUBLIC)
        return tell_standing(send, self._quota.policy, standing)

    def _check_reach(self, scope: Scope) -> None:
        """Hold keyless requests to this machine and to pages of this server; raises NotServedHere."""
        headers = dict(scope["headers"])
        if not self._is_open:
            server, host = (scope.get("server") or ("", None))[0], headers.get(b"host", b"")
            if (server, host) not in self._near:
                check_near(server, host)
                if len(self._near) < MOST_HOSTS:
                    self._near.add((server, host))
        if (
            scope["method"] not in READING
            and headers.get(b"sec-fetch-site", b"none") not in OWN_SITES
            and headers.get(b"origin") not in self._origins
        ):
            raise NotServedHere("A page of another site sent this; JOBLINE_CORS_ORIGINS may name its origin.")

    async def _answer(self, scope: Scope, error: Refused | LedgerUnavailable) -> Response:
        response = await answer_error(Request(scope), error)
        if isinstance(error, Unauthorized):
            shown = any(name == b"authorization" for name, _ in scope["headers"])
            response.headers["WWW-Authenticate"] = CHALLENGE + (', error="invalid_token"' if shown else "")
        elif isinstance(error, Forbidden):
            needed = find_scope(scope["method"], find_path(scope))
            response.headers["WWW-Authenticate"] = (
                f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            )
        elif isinstance(error, RateLimited) and self._quota is not None:
            principal: Principal = scope[PRINCIPAL]
            response.headers["RateLimit-Policy"] = self._quota.policy.decode()
            response.headers["RateLimit"] = self._quota.describe(principal.id or PUBLIC).decode()
        return response


async def identify(keyring: Keyring, scope: MutableMapping[str, Any]) -> Principal:  # Any: an ASGI scope
    """Read the one Authorization header; raises Unauthorized, without a word of what it held."""
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    if not shown:
        raise Unauthorized("Send Authorization: Bearer with an access key; `jobline keys create` makes one.")
    scheme, _, token = shown[0].decode("latin-1").partition(" ")
    credential = read_token(token.strip(" ")) if scheme.lower() == "bearer" and len(shown) == 1 else None
    principal = await keyring.identify(credential) if credential is not None else None
    if principal is None:
        raise Unauthorized("This access key is not valid: it is unknown, revoked or expired.")
    return principal


def check_near(server: str, host: bytes) -> None:
    """Refuse what came by the network, or by a name that a stranger's DNS may have led here."""
    if not is_here(server, other=True):
        raise NotServedHere(
            "Without keys only this machine is served: set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true."
        )
    name = (
        host.decode("latin-1").lower().rpartition(":")[0] if b":" in host else host.decode("latin-1").lower()
    )
    if "." in name and not name.endswith(".localhost") and not is_address(name):
        raise NotServedHere(
            "Without keys this is not served by a domain name: use localhost, or JOBLINE_AUTH=keys."
        )


def is_here(host: str, *, other: bool) -> bool:
    """Claim that an address is this machine's loopback; ``other`` is the answer for what is no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return other  # a socket in the file system
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_address(name: str) -> bool:
    """Claim that a host is an IP address."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def tell_standing(send: Send, policy: bytes, standing: bytes) -> Send:
    """Add the fields of draft-ietf-httpapi-ratelimit-headers to the answer."""

    async def send_with_standing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].extend(((b"ratelimit-policy", policy), (b"ratelimit", standing)))
        await send(message)

    return send_with_standing
