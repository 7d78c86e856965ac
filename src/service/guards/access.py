"""Access control: the key of a request, its scope and its rate limit, before any route sees the request.

A plain ASGI wrapper, because it is on the hot path.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobline.domain.access import ANYBODY, PUBLIC, Principal, read_token
from jobline.domain.access import Scope as KeyScope
from jobline.domain.errors import LedgerUnavailable, Refused
from jobline.service.answers.problems import answer_error
from jobline.service.answers.refusals import Forbidden, RateLimited, Unauthorized
from jobline.service.guards.key_cache import KeyCache
from jobline.service.guards.rate_limit import RateLimiter
from jobline.service.guards.reach import ReachCheck
from jobline.service.guards.scopes import PRINCIPAL, find_path

#: RFC 6750, section 3.
CHALLENGE = 'Bearer realm="jobline"'
#: Key in the scope of a request: whose requests its rate limit counts.
CALLER = "jobline.caller"
#: An IPv6 network of one customer, in bytes.
NETWORK_BYTES = 8
#: Finds the scope that a method and path need; None for what is open.
FindScope = Callable[[str, str], KeyScope | None]


class AccessControl:
    """Admits or refuses requests. ``key_cache`` is None without keys."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        find_scope: FindScope,
        key_cache: KeyCache | None,
        reach: ReachCheck,
        rate_limiter: RateLimiter | None,
    ) -> None:
        self.app = app
        self._find_scope = find_scope
        self._key_cache = key_cache
        self._reach = reach
        self._rate_limiter = rate_limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            send = await self._admit(scope, send)
        except (Refused, LedgerUnavailable) as error:
            response = await self._refuse(scope, error)
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _admit(self, scope: Scope, send: Send) -> Send:
        """Put the principal into the scope; return the ``send`` for the response. Raises the refusal."""
        needed = self._find_scope(scope["method"], find_path(scope))
        self._reach.check(scope)
        if self._key_cache is None:
            principal = ANYBODY
        elif needed is None:
            return send
        else:
            principal = await self._authenticate(self._key_cache, scope)
            if not principal.may(needed):
                raise Forbidden(f"This operation needs a key with the scope {needed}.")
        scope[PRINCIPAL] = principal
        if self._rate_limiter is None or needed is None:
            return send
        scope[CALLER] = principal.id or PUBLIC
        remaining = await self._rate_limiter.admit(scope[CALLER])
        return add_rate_limit(send, self._rate_limiter.policy, remaining)

    async def _authenticate(self, key_cache: KeyCache, scope: Scope) -> Principal:
        """Return the principal; a wrong key counts for its address. Raises Unauthorized or RateLimited."""
        try:
            return await authenticate(key_cache, scope)
        except Unauthorized:
            if self._rate_limiter is not None:
                scope[CALLER] = name_address(scope)
                await self._rate_limiter.admit(scope[CALLER])
            raise

    async def _refuse(self, scope: Scope, error: Refused | LedgerUnavailable) -> Response:
        response = await answer_error(Request(scope), error)
        if isinstance(error, Unauthorized):
            has_key = any(name == b"authorization" for name, _ in scope["headers"])
            response.headers["WWW-Authenticate"] = CHALLENGE + (', error="invalid_token"' if has_key else "")
        elif isinstance(error, Forbidden):
            needed = self._find_scope(scope["method"], find_path(scope))
            response.headers["WWW-Authenticate"] = (
                f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'
            )
        elif isinstance(error, RateLimited) and self._rate_limiter is not None:
            response.headers["RateLimit-Policy"] = self._rate_limiter.policy.decode()
            response.headers["RateLimit"] = self._rate_limiter.describe(scope[CALLER]).decode()
        return response


async def authenticate(key_cache: KeyCache, scope: Scope) -> Principal:
    """Return the principal of the Authorization header; raises Unauthorized, which never quotes it."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        raise Unauthorized("Send an access key as Authorization: Bearer; `jobline keys create` makes one.")
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    credential = read_token(token.strip(" ")) if scheme.lower() == "bearer" and len(values) == 1 else None
    principal = await key_cache.find(credential) if credential is not None else None
    if principal is None:
        raise Unauthorized("The access key is not valid: it is unknown, revoked or expired.")
    return principal


def name_address(scope: Scope) -> str:
    """Return the name under which wrong keys of an address are counted; for IPv6, of its network."""
    try:
        address = ipaddress.ip_address((scope.get("client") or ("", 0))[0])
    except ValueError:
        return "address-unknown"
    return f"address-{address.packed[:NETWORK_BYTES].hex()}"


def add_rate_limit(send: Send, policy: bytes, remaining: bytes) -> Send:
    """Return a ``send`` that adds the fields of draft-ietf-httpapi-ratelimit-headers to the response."""

    async def send_with_rate_limit(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].extend(((b"ratelimit-policy", policy), (b"ratelimit", remaining)))
        await send(message)

    return send_with_rate_limit
