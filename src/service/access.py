"""Who calls, and what of the ledger is theirs. Until there are keys, everybody is one tenant."""

from __future__ import annotations

from fastapi import Request

#: The tenant of all callers while `JOBLINE_AUTH` is off.
PUBLIC = "public"


def find_tenant(request: Request) -> str:  # noqa: ARG001 - keys will be read from it
    """Say whose jobs and files the caller may see."""
    return PUBLIC
