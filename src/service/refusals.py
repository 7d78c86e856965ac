"""What HTTP alone can refuse, as branches of the tree in `jobs.errors`: each a code, a status and a title."""

from jobs.errors import Refused


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
