"""Uploads, streamed as they arrive: raw bytes, or the only file of a multipart form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from jobline.domain.errors import TooLarge, Unprocessable
from jobline.files import check_name

FORM = "multipart/form-data"
UNNAMED = "upload"
UNTYPED = "application/octet-stream"
MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,64}/[\w!#$&^.+-]{1,64}(?:\s*;\s*[\x20-\x7e]{0,100})?", re.ASCII)
#: Allowance for what a form adds around its file.
FORM_SLACK_BYTES = 65_536


class Upload:
    """A raw upload: the file's name, media type and bytes."""

    def __init__(self, name: str = "", media_type: str = "") -> None:
        self.name = check_name(name) if name else UNNAMED
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
            },
        )
        try:
            async for chunk in request.stream():
                parser.write(chunk)
                found, self._found = self._found, []
                for piece in found:
                    yield piece
            parser.finalize()
        except FormParserError:
            raise Unprocessable("The multipart form is not valid.") from None
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
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"filename" not in options:
            return
        self._is_file = True
        self._files += 1
        if self._files > 1:
            raise Unprocessable("The form has more than one file. Send one request for each file.")
        name = options[b"filename"].decode("utf-8", "replace")
        super().__init__(name, self._headers.get(b"content-type", b"").decode("latin-1"))

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._found.append(data[start:end])


def read_upload(request: Request, max_bytes: int) -> Upload:
    """Return the upload of a form; any other body is the file itself, as in `read_raw_upload`.

    Raises TooLarge early if its Content-Length is above the limit.
    """
    content_type = request.headers.get("content-type", "")
    kind, options = parse_options_header(content_type)
    if kind != FORM.encode():
        return read_raw_upload(request, max_bytes)
    check_length(request, max_bytes + FORM_SLACK_BYTES)
    if not options.get(b"boundary"):
        raise Unprocessable("The Content-Type of the multipart form has no boundary.")
    try:
        return FormUpload(options[b"boundary"])
    except FormParserError:
        raise Unprocessable("The boundary of the multipart form is not valid.") from None


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
    if declared.isdigit() and int(declared[:20]) > limit:
        raise TooLarge(f"The file is larger than the limit of {limit:,} bytes.")


def read_file_name(disposition: str | None) -> str:
    """Return the name in ``Content-Disposition`` (RFC 6266); empty if there is none."""
    if not disposition:
        return ""
    message = Message()
    # If both forms are present, the extended one counts (RFC 6266, section 4.3).
    message["content-disposition"] = re.sub(r";\s*filename=.*?(?=;\s*filename\*=)", "", disposition)
    return message.get_filename("")
