"""A program on a client of openapi-generator (python): every step, every response with its type."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from jobline_client import (
    ApiClient,
    ApiException,
    Batch,
    BatchDemoCountdown,
    BatchesApi,
    BatchJob,
    Configuration,
    Countdown,
    DemoApi,
    FileInfo,
    FilesApi,
    ImageApi,
    ImageThumbnailJob,
    JobsApi,
    Problem,
    QueuesApi,
    State,
    SubmitBatch,
    SubmitDemoCountdown,
    SubmitImageThumbnail,
    Thumbnail,
)

url = os.environ["JOBLINE_URL"]
client = ApiClient(Configuration(host=url, access_token=os.environ["JOBLINE_API_KEY"]))
admin = ApiClient(Configuration(host=url, access_token=os.environ["JOBLINE_ADMIN_KEY"]))
demo, files, image, jobs = DemoApi(client), FilesApi(client), ImageApi(client), JobsApi(client)
batches, queues = BatchesApi(client), QueuesApi(client)


def upload(photo: Path) -> FileInfo:
    """Upload a file as a form."""
    return files.upload_file((photo.name, photo.read_bytes()))


def shrink(file: FileInfo) -> ImageThumbnailJob:
    """Submit, wait, and read the result."""
    order = SubmitImageThumbnail(input=Thumbnail(file=file.id, width=64), tags=["pydantic"])
    job = image.submit_image_thumbnail(order)
    job = image.get_image_thumbnail(job.id, wait=60)
    assert job.state == State.SUCCESS, job.error
    assert job.result is not None
    width: int = job.result.width
    assert width == 64
    return job


def read_any(job_id: str) -> None:
    """Read a job without knowing its task."""
    match jobs.get_job(job_id).actual_instance:
        case ImageThumbnailJob(result=made):
            assert made is not None
            assert made.width == 64
        case other:
            raise AssertionError(other)
    assert [job.id for job in jobs.list_jobs(tag="pydantic", limit=10).items] == [job_id]


def download(job_id: str) -> bytes:
    """Download the artifact of the job."""
    (made,) = files.list_artifacts(job_id).items
    picture = files.download_artifact(job_id, made.name)
    assert len(picture) == made.size_bytes
    return picture


def run_paused_batch() -> None:
    """Submit a batch into a paused queue, resume the queue and wait for the jobs."""
    assert QueuesApi(admin).pause_queue("default").paused
    wanted = [
        BatchJob(BatchDemoCountdown(task="demo.countdown", input=Countdown(seconds=1), priority=one))
        for one in (1, 9)
    ]
    batch = batches.submit_batch(SubmitBatch(jobs=wanted, tags=["night"]))
    queue = queues.get_queue("default")
    assert (queue.depth, queue.depth_by_priority[9]) == (2, 1)
    assert not QueuesApi(admin).resume_queue("default").paused
    follow(batch)


def follow(batch: Batch) -> None:
    """Wait for each job of a batch."""
    found = jobs.list_jobs(batch_id=batch.id).items
    assert len(found) == batch.total
    for job in found:
        assert job.tags == ["night"]
        jobs.get_job(job.id, wait=60)
    ended = batches.get_batch(batch.id)
    assert ended.done
    assert ended.counts.success == batch.total
    assert len(jobs.list_jobs(batch_id=batch.id, state=State.SUCCESS).items) == batch.total


def cancel() -> None:
    """Cancel a running or waiting job."""
    job = demo.submit_demo_countdown(SubmitDemoCountdown(input=Countdown(seconds=3600)))
    jobs.cancel_job(job.id)
    job = demo.get_demo_countdown(job.id, wait=60)
    assert job.state == State.REVOKED, job


def fail() -> None:
    """Read why a job failed."""
    order = SubmitDemoCountdown(input=Countdown(seconds=1, fail_at=0))
    job = demo.submit_demo_countdown(order, prefer="wait=60")
    assert job.error is not None, job
    assert job.error.code == "demo.asked_to_fail"


def read_problem(call: Callable[[], object]) -> Problem:
    """Make a call that is refused and return the problem."""
    try:
        raise AssertionError(call())
    except ApiException as error:
        assert isinstance(error.data, Problem), error
        return error.data


def read_refusal(job_id: str) -> None:
    """Read why a request was refused."""
    problem = read_problem(lambda: jobs.cancel_job(job_id))
    assert (problem.status, problem.code) == (409, "conflict")
    unchecked = Countdown.model_construct(seconds=0)
    problem = read_problem(
        lambda: demo.submit_demo_countdown(SubmitDemoCountdown.model_construct(input=unchecked))
    )
    assert problem.errors is not None
    assert problem.errors[0].pointer == "/input/seconds"


def main(photo: Path) -> None:
    """Run every step."""
    job = shrink(upload(photo))
    read_any(job.id)
    assert download(job.id).startswith(b"\xff\xd8")
    run_paused_batch()
    cancel()
    fail()
    read_refusal(job.id)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
