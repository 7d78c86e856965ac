"""What HTTP alone can refuse, as branches of the tree in `jobline.domain.errors`."""

from jobline.domain.errors import Refused


class NotJson(Refused):
    """The body is not JSON."""

    code, status, title = "not-json", 400, "The body is not JSON"


class MethodNotAllowed(Refused):
    """The path takes other methods, which Allow lists."""

    code, status, title = "method-not-allowed", 405, "Method not allowed"


class RangeOutside(Refused):
    """The range asked for lies outside of the file."""

    code, status, title = "range-not-satisfiable", 416, "No such range"


class BadParameter(Refused):
    """A header, or a parameter of the path or the query, is not valid."""

    code, status, title = "bad-parameter", 422, "A parameter is not valid"


class NotReady(Refused):
    """A part that jobs need is missing."""

    code, status, title = "not-ready", 503, "Not ready"


class Unauthorized(Refused):
    """There is no access key, or none that is valid: make one by `jobline keys create`."""

    code, status, title = "unauthorized", 401, "An access key is needed"


class Forbidden(Refused):
    """The access key is valid, and lacks the scope that this needs."""

    code, status, title = "forbidden", 403, "The access key does not allow this"


class NotServedHere(Refused):
    """Requests from beyond this machine, or from another site's page, are refused while keys are off."""

    code, status, title = "not-served-here", 403, "Not served here without keys"


class TooSlow(Refused):
    """The body did not come in time."""

    code, status, title = "too-slow", 408, "The body did not come in time"


class TargetTooLong(Refused):
    """The path and query are longer than the limit."""

    code, status, title = "target-too-long", 414, "The URL is too long"


class RateLimited(Refused):
    """The key has made as many requests as it may in this window of time."""

    code, status, title = "rate-limited", 429, "Too many requests"


class HeadersTooLarge(Refused):
    """The headers are larger, or more, than the limit."""

    code, status, title = "headers-too-large", 431, "The headers are too large"
