"""The parameters that several routes share."""

from typing import Annotated

from fastapi import Header, Path, Query

from jobline.files.names import MAX_NAME
from jobline.service.intake.headers import MAX_WAIT_S

JobId = Annotated[str, Path(alias="id", max_length=255, description="Job ID.")]
BatchId = Annotated[str, Path(alias="id", max_length=255, description="Batch ID.")]
TaskName = Annotated[
    str, Path(max_length=200, description="Full name of the task, such as `image.thumbnail`.")
]
QueueName = Annotated[str, Path(max_length=64, description="Name of the queue.")]
FileId = Annotated[str, Path(alias="id", max_length=64, description="File ID.")]
ArtifactName = Annotated[str, Path(alias="name", max_length=200, description="Name of the artifact.")]
FileName = Annotated[
    str | None,
    Query(
        pattern=rf"^[^/\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{MAX_NAME}}}$",
        description="Name of the file. Default: the name in `Content-Disposition`, or `upload`.",
    ),
]
Wait = Annotated[
    float,
    Query(
        ge=0,
        le=MAX_WAIT_S,
        description="Maximum number of seconds to wait for the end of the job. 0 responds at once.",
    ),
]
IfNoneMatch = Annotated[
    str | None, Header(description="ETag of the copy that you have; the response is 304 if it is current.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Makes it safe to send the request again: the same key with the same request returns the "
        "first outcome and creates nothing new. 1 to 255 printable ASCII characters."
    ),
]
