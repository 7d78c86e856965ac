"""A program on a client of openapi-python-client: every step, every response with its type."""

import io
import os
import sys
from pathlib import Path

import httpx
from jobline_client import AuthenticatedClient
from jobline_client.api.batches import get_batch, submit_batch
from jobline_client.api.demo import get_demo_countdown, submit_demo_countdown
from jobline_client.api.files import download_artifact, list_artifacts, upload_file, upload_raw_file
from jobline_client.api.image import get_image_thumbnail, submit_image_thumbnail
from jobline_client.api.jobs import cancel_job, get_job, list_jobs
from jobline_client.api.queues import get_queue, pause_queue, resume_queue
from jobline_client.models import (
    Batch,
    BatchDemoCountdown,
    Countdown,
    DemoCountdownJob,
    FileInfo,
    FileList,
    ImageThumbnailJob,
    JobList,
    Problem,
    Queue,
    State,
    SubmitBatch,
    SubmitDemoCountdown,
    SubmitImageThumbnail,
    Thumbnail,
    UploadFileBody,
)
from jobline_client.types import File

client = AuthenticatedClient(
    os.environ["JOBLINE_URL"],
    os.environ["JOBLINE_API_KEY"],
    timeout=httpx.Timeout(70),  # a wait takes up to 60 s
)
admin = AuthenticatedClient(os.environ["JOBLINE_URL"], os.environ["JOBLINE_ADMIN_KEY"])


def upload(photo: Path) -> FileInfo:
    """Upload a file as a form."""
    part = File(io.BytesIO(photo.read_bytes()), photo.name, "image/jpeg")
    file = upload_file.sync(client=client, body=UploadFileBody(part))
    assert isinstance(file, FileInfo), file
    return file


def upload_raw(photo: Path) -> FileInfo:
    """Upload a file as raw bytes."""
    with photo.open("rb") as payload:
        file = upload_raw_file.sync(client=client, body=File(payload), name=photo.name)
    assert isinstance(file, FileInfo), file
    return file


def shrink(file: FileInfo) -> ImageThumbnailJob:
    """Submit, wait, and read the result."""
    order = SubmitImageThumbnail(Thumbnail(file=file.id, width=64), tags=["sdk"])
    job = submit_image_thumbnail.sync(client=client, body=order)
    assert isinstance(job, ImageThumbnailJob), job
    job = get_image_thumbnail.sync(job.id, client=client, wait=60)
    assert isinstance(job, ImageThumbnailJob), job
    assert job.state == State.SUCCESS, job.error
    assert job.result is not None
    width: int = job.result.width
    assert width == 64
    return job


def read_any(job_id: str) -> None:
    """Read a job without knowing its task."""
    match get_job.sync(job_id, client=client):
        case ImageThumbnailJob(result=made):
            assert made is not None
            assert made.width == 64
        case other:
            raise AssertionError(other)
    jobs = list_jobs.sync(client=client, tag="sdk", limit=10)
    assert isinstance(jobs, JobList), jobs
    assert [job.id for job in jobs.items] == [job_id]


def download(job_id: str) -> bytes:
    """Download the artifact of the job."""
    files = list_artifacts.sync(job_id, client=client)
    assert isinstance(files, FileList), files
    (made,) = files.items
    content = download_artifact.sync(job_id, made.name, client=client)
    assert isinstance(content, File), content
    picture = content.payload.read()
    assert len(picture) == made.size_bytes
    return picture


def run_paused_batch() -> None:
    """Submit a batch into a paused queue, resume the queue and wait for the jobs."""
    paused = pause_queue.sync("default", client=admin)
    assert isinstance(paused, Queue), paused
    assert paused.paused
    jobs = [BatchDemoCountdown(Countdown(seconds=1), "demo.countdown", priority=one) for one in (1, 9)]
    batch = submit_batch.sync(client=client, body=SubmitBatch([*jobs], tags=["night"]))
    assert isinstance(batch, Batch), batch
    queue = get_queue.sync("default", client=client)
    assert isinstance(queue, Queue), queue
    assert (queue.depth, queue.depth_by_priority[9]) == (2, 1)
    resumed = resume_queue.sync("default", client=admin)
    assert isinstance(resumed, Queue), resumed
    assert not resumed.paused
    follow(batch)


def follow(batch: Batch) -> None:
    """Wait for each job of a batch."""
    found = list_jobs.sync(client=client, batch_id=batch.id)
    assert isinstance(found, JobList), found
    assert len(found.items) == batch.total
    for job in found.items:
        assert job.tags == ["night"]
        get_job.sync(job.id, client=client, wait=60)
    ended = get_batch.sync(batch.id, client=client)
    assert isinstance(ended, Batch), ended
    assert ended.done
    assert ended.counts.success == batch.total


def cancel() -> None:
    """Cancel a running or waiting job."""
    job = submit_demo_countdown.sync(client=client, body=SubmitDemoCountdown(Countdown(seconds=3600)))
    assert isinstance(job, DemoCountdownJob), job
    cancel_job.sync(job.id, client=client)
    job = get_demo_countdown.sync(job.id, client=client, wait=60)
    assert isinstance(job, DemoCountdownJob), job
    assert job.state == State.REVOKED, job


def fail() -> None:
    """Read why a job failed."""
    order = SubmitDemoCountdown(Countdown(seconds=1, fail_at=0))
    job = submit_demo_countdown.sync(client=client, body=order, prefer="wait=60")
    assert isinstance(job, DemoCountdownJob), job
    assert job.error is not None, job
    assert job.error.code == "demo.asked_to_fail"


def read_refusal(job_id: str) -> None:
    """Read why a request was refused."""
    match cancel_job.sync(job_id, client=client):
        case Problem(status=409, code=code):
            assert code == "conflict"
        case other:
            raise AssertionError(other)
    order = SubmitDemoCountdown(Countdown(seconds=0))
    problem = submit_demo_countdown.sync(client=client, body=order)
    assert isinstance(problem, Problem), problem
    assert isinstance(problem.errors, list), problem
    assert problem.errors[0].pointer == "/input/seconds"


def main(photo: Path) -> None:
    """Run every step."""
    upload_raw(photo)
    job = shrink(upload(photo))
    read_any(job.id)
    assert download(job.id).startswith(b"\xff\xd8")
    run_paused_batch()
    cancel()
    fail()
    read_refusal(job.id)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
