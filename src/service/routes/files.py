"""Files that clients upload, and artifacts of jobs: descriptions from the ledger, bytes from the store."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from jobline.domain.errors import Conflict, NotFound
from jobline.domain.stored_file import StoredFile
from jobline.files import Stored
from jobline.ledger import commands
from jobline.service.answers.downloads import send_file
from jobline.service.answers.problems import problems
from jobline.service.answers.writing import write_file, write_files
from jobline.service.intake.uploads import FORM, UNTYPED, Upload, read_upload
from jobline.service.resources import Here, Resources, Tenant
from jobline.service.routes.jobs import JSON, JobId
from jobline.service.shapes.answers import FileInfo, FileList

FileName = Annotated[str, Path(alias="id", max_length=64, description="The file's id.")]
ArtifactName = Annotated[str, Path(alias="name", max_length=200, description="The artifact's name.")]

BINARY = {"type": "string", "format": "binary"}
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes", "content": {UNTYPED: {"schema": BINARY}}},
    206: {"description": "The range asked for", "content": {UNTYPED: {"schema": BINARY}}},
    304: {"description": "Not modified"},
}
UPLOAD = {
    # Beside two kinds of body openapi-python-client needs a parameter, or its module cannot be imported.
    "parameters": [
        {
            "name": "content-disposition",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": 'The name of a file that is sent raw: `attachment; filename="photo.jpg"`.',
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}}},
            UNTYPED: {"schema": BINARY},
        },
    },
}

router = APIRouter(tags=["files"])


@router.post(
    "/v1/files",
    status_code=201,
    response_model=FileInfo,
    operation_id="upload_file",
    summary="Upload a file",
    responses=problems(413, 422, 503),
    openapi_extra=UPLOAD,
)
async def upload_file(request: Request, here: Here, tenant: Tenant) -> Response:
    """Take one file, in a form, or raw with its name in Content-Disposition; inputs name it by its id."""
    limit = here.settings.max_file_bytes
    upload = read_upload(request, limit)
    stored = await here.files.save(upload.chunks(request), limit)
    file = await keep(here, tenant, upload, stored)
    return Response(write_file(file), 201, {"Location": f"/v1/files/{file.id}"}, JSON)


@router.get(
    "/v1/files/{id}",  # noqa: FAST003 - the alias of the parameter
    response_model=FileInfo,
    operation_id="get_file",
    summary="Describe a file",
    responses=problems(404, 410, 422, 503),
)
@router.head("/v1/files/{id}", include_in_schema=False)
async def get_file(here: Here, tenant: Tenant, file_id: FileName) -> Response:
    """Tell its name, length and SHA-256."""
    return Response(write_file(await find(here, tenant, file_id)), media_type=JSON)


@router.delete(
    "/v1/files/{id}",  # noqa: FAST003 - the alias of the parameter
    status_code=204,
    operation_id="delete_file",
    summary="Delete a file",
    responses=problems(404, 409, 410, 422, 503),
)
async def delete_file(here: Here, tenant: Tenant, file_id: FileName) -> Response:
    """Forget an upload that no unfinished job names; artifacts go with their job."""
    if not await here.store.run(commands.files.drop_file(file_id, tenant, here.retention)):
        raise Conflict(f"The file {file_id} is in use: an unfinished job names it, or a job made it.")
    return Response(None, 204)


@router.get(
    "/v1/files/{id}/content",  # noqa: FAST003 - the alias of the parameter
    response_class=Response,
    operation_id="download_file",
    summary="Download a file",
    responses={**BYTES, **problems(404, 410, 416, 422, 503)},
)
@router.head("/v1/files/{id}/content", include_in_schema=False)
async def download_file(request: Request, here: Here, tenant: Tenant, file_id: FileName) -> Response:
    """Send the bytes, or the range asked for."""
    return await send_file(request, here.files, await find(here, tenant, file_id))


@router.get(
    "/v1/jobs/{id}/artifacts",  # noqa: FAST003 - the alias of the parameter
    response_model=FileList,
    operation_id="list_artifacts",
    summary="List what a job made",
    responses=problems(404, 410, 422, 503),
)
async def list_artifacts(here: Here, tenant: Tenant, job_id: JobId) -> Response:
    """Describe every artifact; there are none before the job has succeeded."""
    return Response(write_files(await find_artifacts(here, tenant, job_id)), media_type=JSON)


@router.get(
    "/v1/jobs/{id}/artifacts/{name}",  # noqa: FAST003 - the alias of the parameter
    response_class=Response,
    operation_id="download_artifact",
    summary="Download what a job made",
    responses={**BYTES, **problems(404, 410, 416, 422, 503)},
)
@router.head("/v1/jobs/{id}/artifacts/{name}", include_in_schema=False)
async def download_artifact(
    request: Request, here: Here, tenant: Tenant, job_id: JobId, name: ArtifactName
) -> Response:
    """Send the bytes, or the range asked for."""
    for file in await find_artifacts(here, tenant, job_id):
        if file.name == name:
            return await send_file(request, here.files, file)
    raise NotFound(f"The job {job_id} has no artifact of this name.")


async def keep(here: Resources, tenant: str, upload: Upload, stored: Stored) -> StoredFile:
    """Record stored bytes; without a record nobody could ever find them, so then they go."""
    try:
        await here.store.run(
            commands.files.keep_file(
                stored.id,
                tenant,
                name=upload.name,
                media_type=upload.media_type,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256,
                retention=here.retention,
            )
        )
    except BaseException:
        await here.files.delete(stored.id)
        raise
    return await find(here, tenant, stored.id)


async def find(here: Resources, tenant: str, file_id: str) -> StoredFile:
    """Read one file's description; raises NotFound or Gone."""
    return (await here.store.run(commands.files.read_files(tenant, [file_id])))[0]


async def find_artifacts(here: Resources, tenant: str, job_id: str) -> list[StoredFile]:
    """Read a job's artifacts; raises NotFound or Gone for the job."""
    await here.store.run(commands.jobs.read_job(job_id, tenant))
    return await here.store.run(commands.files.read_artifacts(tenant, job_id))
