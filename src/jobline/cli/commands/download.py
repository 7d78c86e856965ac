"""`jobline download`: the artifacts of a job, each whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.client import ApiClient, ApiError, Json, open_client
from jobline.cli.options import DEFAULT_URL, AsJson, JobId, Url, print_json, report


def download(
    job_id: JobId,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the artifact. Default: all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File, or directory for several. Default: this folder."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Download the artifacts of a job, and check their SHA-256."""
    with open_client(url) as api:
        items = api.artifacts(job_id)["items"]
        wanted = [item for item in items if name in (None, item["name"])]
        if not wanted:
            names = ", ".join(item["name"] for item in items) or "none"
            raise ApiError(f"the job has no artifact {name or ''}; it has: {names}".replace("  ", " "))
        for item, path in zip(wanted, destinations(wanted, output), strict=True):
            fetch(api, job_id, item, path)
            report(f"{path} {item['size_bytes']} bytes")
    if as_json:
        print_json({"items": wanted})


def destinations(items: list[Json], output: Path | None) -> Iterable[Path]:
    """Return the path of each artifact; only the last part of its name is used, so none leaves the folder."""
    if output is not None and not output.is_dir():
        if len(items) == 1:
            return [output]
        output.mkdir(parents=True)
    return [(output or Path()) / Path(item["name"]).name for item in items]


def fetch(api: ApiClient, job_id: str, item: Json, path: Path) -> None:
    """Write an artifact to a path, whole or not at all; raises ApiError when its digest is wrong."""
    draft = path.with_name(f".{path.name}.part")
    digest = hashlib.sha256()
    try:
        with api.artifact(job_id, item["name"]) as chunks, draft.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if item.get("sha256") not in (None, digest.hexdigest()):
            raise ApiError(
                f"{item['name']} arrived damaged: SHA-256 {digest.hexdigest()}, not {item['sha256']}"
            )
        draft.replace(path)
    except OSError as error:
        raise ApiError(
            f"{path} cannot be written ({error.strerror}): name another one with --output"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
