"""References to uploaded files in an input: a type that says so, and how the service finds them in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

#: ``file_…`` for an upload, ``art_…`` for an artifact: opaque words of the file store.
PATTERN = r"^(file|art)_[0-9a-f]{32}$"


@dataclass(frozen=True, slots=True)
class FileRule:
    """Say which files an input takes: at most ``max_bytes``, of ``media_types`` (``image/*``; empty: any).

    Used as ``Annotated[FileId, FileRule(...)]``; checked when the job is submitted.
    """

    max_bytes: int | None = None
    media_types: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own signature
        def collect(value: str, info: ValidationInfo) -> str:
            if isinstance(info.context, FileClaims):
                info.context.add(value, self)
            return value

        return core_schema.with_info_after_validator_function(collect, handler(source))


class FileClaims:
    """Collect the files that one input names while it is validated (pass it as pydantic's ``context``)."""

    def __init__(self) -> None:
        self.found: dict[str, FileRule] = {}

    def add(self, file_id: str, rule: FileRule) -> None:
        """Note one file and the rule that it must meet."""
        self.found[file_id] = rule


#: The id of an uploaded file or of an artifact, as a field of a task's input.
FileId = Annotated[
    str,
    Field(
        pattern=PATTERN,
        description="The id of an uploaded file or of an artifact",
        examples=["file_" + "0" * 32],
    ),
    FileRule(),
]
