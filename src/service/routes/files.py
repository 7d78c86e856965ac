"""Uploaded files and artifacts of jobs: descriptions from the ledger, bytes from the file store."""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.routing import BaseRoute

from jobline.domain.access import Scope
from jobline.domain.errors import Conflict, NotFound
from jobline.domain.stored_file import StoredFile
from jobline.files import Stored
from jobline.ledger import commands
from jobline.service.answers.content import write_file, write_files
from jobline.service.answers.downloads import send_file
from jobline.service.answers.json_answer import JSON
from jobline.service.answers.problems import problems
from jobline.service.guards.scopes import needs
from jobline.service.intake.uploads import FORM, UNTYPED, Upload, read_raw_upload, read_upload
from jobline.service.resources import Resources, ResourcesDep, Tenant
from jobline.service.routes.parameters import ArtifactName, FileId, FileName, JobId
from jobline.service.shapes.files import FileInfo, FileList

BINARY = {"type": "string", "format": "binary"}
#: The media type is the file's own. swagger-typescript-api reads bytes only if one of the types is an image.
CONTENT = {media_type: {"schema": BINARY} for media_type in (UNTYPED, "image/*")}
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes of the file.", "content": CONTENT},
    206: {"description": "The requested range.", "content": CONTENT},
    304: {"description": "Your copy is current."},
}
FORM_BODY = {
    "required": True,
    "content": {FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}}}},
}
RAW_BODY = {"required": True, "content": {UNTYPED: {"schema": BINARY}}}

router = APIRouter(tags=["files"])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the routes of files and artifacts."""
    return router.routes


# One operation for each kind of body: SDK generators send both bodies at once, or lose one, where one
# operation takes two.
@router.post(
    "/v1/files",
    status_code=201,
    response_model=FileInfo,
    operation_id="upload_file",
    response_description="The file was stored.",
    summary="Upload a file as a form",
    responses=problems(413, 422, 503, 507),
    openapi_extra={"requestBody": FORM_BODY, **needs(Scope.SUBMIT)},
)
async def upload_file(request: Request, resources: ResourcesDep, tenant: Tenant) -> Response:
    """Store the only file of a form. Inputs of jobs refer to the file by its ID."""
    return await store_upload(
        request, resources, tenant, read_upload(request, resources.settings.max_file_bytes)
    )


@router.post(
    "/v1/files/raw",
    status_code=201,
    response_model=FileInfo,
    operation_id="upload_raw_file",
    response_description="The file was stored.",
    summary="Upload a file as raw bytes",
    responses=problems(413, 422, 503, 507),
    openapi_extra={"requestBody": RAW_BODY, **needs(Scope.SUBMIT)},
)
async def upload_raw_file(
    request: Request, resources: ResourcesDep, tenant: Tenant, name: FileName = None
) -> Response:
    """Store the bytes of the body as one file. `Content-Type` is the media type of the file."""
    upload = read_raw_upload(request, resources.settings.max_file_bytes, name)
    return await store_upload(request, resources, tenant, upload)


@router.get(
    "/v1/files/{id}",  # noqa: FAST003 - the alias of the parameter
    response_model=FileInfo,
    operation_id="get_file",
    response_description="The description of the file.",
    summary="Describe a file",
    responses=problems(404, 410, 422, 503),
    openapi_extra=needs(Scope.READ),
)
@router.head("/v1/files/{id}", include_in_schema=False)
async def get_file(resources: ResourcesDep, tenant: Tenant, file_id: FileId) -> Response:
    """Return the name, size, media type and SHA-256 of a file."""
    return Response(write_file(await find_file(resources, tenant, file_id)), media_type=JSON)


@router.delete(
    "/v1/files/{id}",  # noqa: FAST003 - the alias of the parameter
    status_code=204,
    operation_id="delete_file",
    response_description="The file was deleted.",
    summary="Delete a file",
    responses=problems(404, 409, 410, 422, 503),
    openapi_extra=needs(Scope.MANAGE),
)
async def delete_file(resources: ResourcesDep, tenant: Tenant, file_id: FileId) -> Response:
    """Delete an upload that no unfinished job refers to. Artifacts are deleted with their job."""
    if not await resources.store.run(commands.files.delete_file(file_id, tenant, resources.retention)):
        raise Conflict(f"The file {file_id} is in use by an unfinished job, or it is the artifact of a job.")
    return Response(None, 204)


@router.get(
    "/v1/files/{id}/content",  # noqa: FAST003 - the alias of the parameter
    response_class=Response,
    operation_id="download_file",
    summary="Download a file",
    responses={**BYTES, **problems(404, 410, 416, 422, 503)},
    openapi_extra=needs(Scope.READ),
)
@router.head("/v1/files/{id}/content", include_in_schema=False)
async def download_file(
    request: Request, resources: ResourcesDep, tenant: Tenant, file_id: FileId
) -> Response:
    """Return the bytes of a file, or the range that the `Range` header asks for."""
    return await send_file(request, resources.files, await find_file(resources, tenant, file_id))


@router.get(
    "/v1/jobs/{id}/artifacts",  # noqa: FAST003 - the alias of the parameter
    response_model=FileList,
    operation_id="list_artifacts",
    response_description="The artifacts.",
    summary="List the artifacts of a job",
    responses=problems(404, 410, 422, 503),
    openapi_extra=needs(Scope.READ),
)
async def list_artifacts(resources: ResourcesDep, tenant: Tenant, job_id: JobId) -> Response:
    """Return the descriptions of the files that a job produced; none before the job has succeeded."""
    return Response(write_files(await find_artifacts(resources, tenant, job_id)), media_type=JSON)


@router.get(
    "/v1/jobs/{id}/artifacts/{name}",  # noqa: FAST003 - the alias of the parameter
    response_class=Response,
    operation_id="download_artifact",
    summary="Download an artifact of a job",
    responses={**BYTES, **problems(404, 410, 416, 422, 503)},
    openapi_extra=needs(Scope.READ),
)
@router.head("/v1/jobs/{id}/artifacts/{name}", include_in_schema=False)
async def download_artifact(
    request: Request, resources: ResourcesDep, tenant: Tenant, job_id: JobId, name: ArtifactName
) -> Response:
    """Return the bytes of an artifact, or the range that the `Range` header asks for."""
    for file in await find_artifacts(resources, tenant, job_id):
        if file.name == name:
            return await send_file(request, resources.files, file)
    raise NotFound(f"The job {job_id} has no artifact of this name.")


async def store_upload(request: Request, resources: Resources, tenant: str, upload: Upload) -> Response:
    """Store the bytes of an upload, record the file and describe it."""
    stored = await resources.files.save(
        upload.chunks(request),
        resources.settings.max_file_bytes,
        reserve=lambda file_id: resources.store.run(commands.files.reserve_file(file_id)),
    )
    file = await record_file(resources, tenant, upload, stored)
    return Response(write_file(file), 201, {"Location": f"/v1/files/{file.id}"}, JSON)


async def record_file(resources: Resources, tenant: str, upload: Upload, stored: Stored) -> StoredFile:
    """Record stored bytes in the ledger. If that fails, delete them: nobody could find them."""
    try:
        await resources.store.run(
            commands.files.add_file(
                stored.id,
                tenant,
                name=upload.name,
                media_type=upload.media_type,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256,
                retention=resources.retention,
            )
        )
    except BaseException:
        await resources.files.delete(stored.id)
        raise
    return await find_file(resources, tenant, stored.id)


async def find_file(resources: Resources, tenant: str, file_id: str) -> StoredFile:
    """Return the description of a file; raises NotFound or Gone."""
    return (await resources.store.run(commands.files.read_files(tenant, [file_id])))[0]


async def find_artifacts(resources: Resources, tenant: str, job_id: str) -> list[StoredFile]:
    """Return the artifacts of a job; raises NotFound or Gone for the job."""
    await resources.store.run(commands.jobs.read_job(job_id, tenant))
    return await resources.store.run(commands.files.read_artifacts(tenant, job_id))
