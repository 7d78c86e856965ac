"""Uploads, streamed as they arrive: raw bytes, or the only file of a multipart form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request

from jobline.domain.errors import TooLarge, Unprocessable
from jobline.files import check_name
from jobline.service.answers.refusals import BadBoundary
from jobline.service.intake.header_values import read_extended, read_parameters

FORM = "multipart/form-data"
UNNAMED = "upload"
UNTYPED = "application/octet-stream"
MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+-]{1,64}/[\w!#$&^.+-]{1,64}(?:[ \t]?;[ \t]?[\x20-\x7e]{0,100})?", re.ASCII
)
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: Allowance for what a form adds around its file: boundaries, headers, other fields.
FORM_SLACK_BYTES = 65_536
#: RFC 2046, section 5.1.1.
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


class Upload:
    """A raw upload: the file's name, media type and bytes."""

    def __init__(self, name: str = "", media_type: str = "") -> None:
        self.name = check_name(name) if name else UNNAMED
        if CONTROL.search(media_type):
            raise Unprocessable("The media type of the file has a control character.")
        self.media_type = media_type if MEDIA_TYPE.fullmatch(media_type) else UNTYPED

    def chunks(self, request: Request) -> AsyncIterator[bytes]:
        """Return the file's bytes as a stream."""
        return request.stream()


class FormUpload(Upload):
    """The only file of a form; name and media type are known once the first chunk has been read.

    Reading raises Unprocessable unless the form has exactly one file.
    """

    def __init__(self, boundary: bytes) -> None:
        super().__init__()
        self._boundary = boundary
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._is_file = False
        self._files = 0
        self._found: list[bytes] = []
        self._is_complete = False

    async def chunks(self, request: Request) -> AsyncIterator[bytes]:
        parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._read_field,
                "on_header_value": self._read_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._read_data,
                "on_end": self._end,
            },
        )
        around = 0
        try:
            async for chunk in request.stream():
                parser.write(chunk)
                found, self._found = self._found, []
                around += len(chunk) - sum(map(len, found))
                if around > FORM_SLACK_BYTES:
                    raise TooLarge(f"A form may have {FORM_SLACK_BYTES:,} bytes beside its file.")
                for piece in found:
                    yield piece
        except FormParserError:
            raise Unprocessable("The multipart form is not valid.") from None
        if not self._is_complete:
            raise Unprocessable("The multipart form ends without its closing boundary. Nothing was stored.")
        if not self._files:
            raise Unprocessable("The form has no file. Send one part with a filename.")

    def _begin(self) -> None:
        self._headers, self._is_file = {}, False

    def _read_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _end_headers(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("utf-8", "replace")
        _, parameters = read_parameters(disposition)
        # RFC 7578, section 4.2, forbids the extended form. Some clients send nothing else.
        name = parameters.get("filename") or read_extended(parameters.get("filename*", ""))
        if name is None and "filename" not in parameters:
            return
        self._is_file = True
        self._files += 1
        if self._files > 1:
            raise Unprocessable("The form has more than one file. Send one request for each file.")
        super().__init__(
            drop_directory(name or ""), self._headers.get(b"content-type", b"").decode("latin-1")
        )

    def _end(self) -> None:
        self._is_complete = True

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._found.append(data[start:end])


def read_upload(request: Request, max_bytes: int) -> Upload:
    """Return the upload of a form; any other body is the file itself, as in `read_raw_upload`.

    Raises TooLarge early if its Content-Length is above the limit.
    """
    content_type = request.headers.get("content-type", "")
    kind, parameters = read_parameters(content_type)
    if kind != FORM:
        return read_raw_upload(request, max_bytes)
    check_length(request, max_bytes + FORM_SLACK_BYTES)
    boundary = parameters.get("boundary")
    if not boundary:
        raise Unprocessable("The Content-Type of the multipart form has no boundary.")
    if not BOUNDARY.fullmatch(boundary):
        raise BadBoundary("The boundary of the multipart form is not one of RFC 2046: 1 to 70 characters.")
    return FormUpload(boundary.encode())


def read_raw_upload(request: Request, max_bytes: int, name: str | None = None) -> Upload:
    """Return the upload of a body that is the file itself; its name is a parameter, or in the header.

    Raises TooLarge early if its Content-Length is above the limit.
    """
    headers = request.headers
    check_length(request, max_bytes)
    if (
        "content-type" not in headers
        and headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in headers
    ):
        raise Unprocessable("The request has no body. Send the file as a form or as raw bytes.")
    return Upload(name or read_file_name(headers.get("content-disposition")), headers.get("content-type", ""))


def check_length(request: Request, limit: int) -> None:
    """Raise TooLarge if the Content-Length is above a limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise TooLarge(f"The file is larger than the limit of {limit:,} bytes.")


def read_file_name(disposition: str | None) -> str:
    """Return the name in ``Content-Disposition`` (RFC 6266); empty if there is none."""
    if not disposition:
        return ""
    _, parameters = read_parameters(disposition)
    # If both forms are present, the extended one counts (RFC 6266, section 4.3).
    extended = read_extended(parameters.get("filename*", ""))
    return extended if extended is not None else parameters.get("filename", "")


def drop_directory(name: str) -> str:
    """Return the file name of a Windows path, which old browsers send whole."""
    is_path = name[1:3] == ":\\" or name[:2] == "\\\\"
    return name.rpartition("\\")[2] if is_path else name
