"""The models of uploaded files and of artifacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobline.service.shapes.answer import Answer


class FileInfo(Answer):
    """The description of an uploaded file or of an artifact."""

    id: Annotated[str, Field(description="File ID. Inputs refer to the file by it.")]
    name: Annotated[str, Field(description="File name.")]
    media_type: Annotated[str, Field(description="Media type, such as `image/png`.")]
    size_bytes: Annotated[int, Field(description="Size in bytes.")]
    sha256: Annotated[str, Field(description="SHA-256 of the content, in hexadecimal.")]
    created_at: Annotated[datetime, Field(description="When the file was stored.")]
    expires_at: Annotated[
        datetime | None,
        Field(description="When the file is deleted; null while an unfinished job refers to it."),
    ]
    job_id: Annotated[
        str | None, Field(description="ID of the job that produced the file; null for an upload.")
    ]


class FileList(Answer):
    """The artifacts of one job."""

    items: Annotated[list[FileInfo], Field(description="The artifacts.")]
