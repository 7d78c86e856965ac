"""References to uploaded files in an input: the type of such a field, and how the service finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from jobline.domain.errors import TooLarge, UnsupportedMedia

#: ``file_…`` for an upload, ``art_…`` for an artifact: opaque ids of the file store.
PATTERN = r"^(file|art)_[0-9a-f]{32}$"


@dataclass(frozen=True, slots=True)
class FileRule:
    """Which files an input takes: up to ``max_bytes``, of ``media_types`` (such as ``image/*``; empty: any).

    Used as ``Annotated[FileId, FileRule(...)]``; checked when the job is submitted.
    """

    max_bytes: int | None = None
    media_types: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own signature
        def collect(value: str, info: ValidationInfo) -> str:
            if isinstance(info.context, FileReferences):
                info.context.add(value, self)
            return value

        return core_schema.with_info_after_validator_function(collect, handler(source))

    def check(self, file_id: str, size_bytes: int, media_type: str) -> None:
        """Raise TooLarge or UnsupportedMedia for a file that does not meet the rule."""
        if self.max_bytes is not None and size_bytes > self.max_bytes:
            raise TooLarge(
                f"The file {file_id} has {size_bytes:,} bytes; the limit here is {self.max_bytes:,}."
            )
        if self.media_types and not any(fits(media_type, wanted) for wanted in self.media_types):
            raise UnsupportedMedia(
                f"The file {file_id} is {media_type}; taken here: {', '.join(self.media_types)}."
            )


def fits(media_type: str, wanted: str) -> bool:
    """Return whether a media type is the wanted one or belongs to its family (``image/*``)."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind == wanted.lower() or (wanted.endswith("/*") and kind.startswith(wanted[:-1].lower()))


class FileReferences:
    """The files that one input names, collected during validation (pass it as pydantic's ``context``)."""

    def __init__(self) -> None:
        self.found: dict[str, FileRule] = {}

    def add(self, file_id: str, rule: FileRule) -> None:
        """Add one file with the rule that it must meet."""
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
