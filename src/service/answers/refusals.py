"""The errors that only HTTP has, as branches of the tree in `jobline.domain.errors`.

The first sentence of each class is shown on the page of its code, `/problems/{code}`.
"""

from jobline.domain.errors import Refused
from jobline.service.server.refusal import Refusal


class NotJson(Refused):
    """The body is not valid JSON."""

    code, status, title = "not-json", 400, "The body is not valid JSON"


class BadBoundary(Refused):
    """The boundary of a multipart form is not valid."""

    code, status, title = "bad-boundary", 400, "The form's boundary is not valid"


class MethodNotAllowed(Refused):
    """The path allows other methods only, which the Allow header lists."""

    code, status, title = "method-not-allowed", 405, "Method not allowed"


class RangeOutside(Refused):
    """The requested range is outside of the file."""

    code, status, title = "range-not-satisfiable", 416, "Range outside of the file"


class BadParameter(Refused):
    """A header, a path parameter or a query parameter is not valid."""

    code, status, title = "bad-parameter", 422, "A parameter is not valid"


class NotReady(Refused):
    """Redis or every worker is missing, so jobs cannot run."""

    code, status, title = "not-ready", 503, "Not ready"


class Unauthorized(Refused):
    """The access key is missing or not valid; `jobline keys create` makes one."""

    code, status, title = "unauthorized", 401, "Access key required"


class Forbidden(Refused):
    """The access key is valid but lacks the scope for this operation."""

    code, status, title = "forbidden", 403, "Scope missing"


class NotServedHere(Refused):
    """The service is not offered under this name, or, while keys are off, to this machine."""

    code, status, title = "not-served-here", 403, "Not served here"


class ForeignOrigin(Refused):
    """A page of another site asked for a change."""

    code, status, title = "foreign-origin", 403, "Not allowed for pages of other sites"


class UnknownCoding(Refused):
    """The body has a transfer coding other than chunked."""

    code, status, title = "unknown-transfer-coding", 501, "Unknown transfer coding"


class TooSlow(Refused):
    """The body did not arrive in time."""

    code, status, title = "too-slow", 408, "The body is too slow"


class TargetTooLong(Refused):
    """The path and query are longer than the limit."""

    code, status, title = "target-too-long", 414, "The URL is too long"


class RateLimited(Refused):
    """The key has used up its requests for the current time window."""

    code, status, title = "rate-limited", 429, "Too many requests"


class HeadersTooLarge(Refused):
    """There are too many headers, or they are too large."""

    code, status, title = "headers-too-large", 431, "The headers are too large"


class Malformed(Refused):
    """The bytes are not a valid HTTP request; the server itself refuses them."""

    code, status, title = Refusal.MALFORMED.code, 400, "Not an HTTP request"


class TooManyConnections(Refused):
    """The server has no file descriptor left for another connection; retry in a moment."""

    code, status, title = Refusal.TOO_MANY.code, 503, "Too many connections"
