"""What RQ's workers import: the no-op alone."""


def noop(n: int) -> int:
    """Give back what came."""
    return n
