"""Downloads: the bytes of a file, whole or one range (RFC 9110, section 14), as an attachment."""

from __future__ import annotations

import re

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from jobline.domain.stored_file import StoredFile
from jobline.files import FileStore
from jobline.service.answers.disposition import write_disposition
from jobline.service.answers.etags import is_current
from jobline.service.answers.problems import write_problem
from jobline.service.answers.refusals import RangeOutside

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)
#: The result of `read_range` for a range outside of the file.
OUTSIDE = (0, 0)


async def send_file(request: Request, files: FileStore, file: StoredFile) -> Response:
    """Return the response to GET or HEAD; 416 for a range outside of the file, all of it for several."""
    etag = f'"{file.sha256}"'
    headers = {
        "Content-Type": file.media_type,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": write_disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-cache",
    }
    if is_current(request.headers.get("if-none-match"), etag):
        return Response(None, 304, headers)
    status, start, end = 200, 0, file.size_bytes
    requested = request.headers.get("range")
    if requested and request.method == "GET" and request.headers.get("if-range", etag) == etag:
        part = read_range(requested, file.size_bytes)
        if part == OUTSIDE:
            detail = f"The range is outside of the file, which has {file.size_bytes:,} bytes."
            more = {"Content-Range": f"bytes */{file.size_bytes}"}
            kind = RangeOutside
            return write_problem(request, kind.status, kind.code, kind.title, detail, headers=more)
        if part is not None:
            status, (start, end) = 206, part
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(None, status, headers)
    return StreamingResponse(await files.read(file.id, start, end), status, headers)


def read_range(value: str, size_bytes: int) -> tuple[int, int] | None:
    """Parse a single range into (start, end), the end excluded; None for several ranges or anything else."""
    match = ONE_RANGE.fullmatch(value.strip(" \t"))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return (max(0, size_bytes - int(last)), size_bytes) if size_bytes and int(last) else OUTSIDE
    start = int(first)
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    if last and int(last) < start:
        return None
    return (start, end) if start < size_bytes else OUTSIDE
