"""`jobline demo`: a photo from upload to thumbnail, in a temporary directory that is removed at the end."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.client import ApiClient, Json
from jobline.cli.commands.download import fetch
from jobline.cli.commands.picture import draw_picture
from jobline.cli.commands.watch import INTERRUPTED, follow, message
from jobline.cli.embedded import free_port
from jobline.cli.supervision.console import CHILDREN, Console
from jobline.cli.supervision.signals import run_until_stopped
from jobline.cli.supervision.stack import Plan, open_stack
from jobline.domain.errors import JoblineError
from jobline.domain.state import State

READY_TIMEOUT_S = 60.0
#: Short enough to see a state that lasts a few milliseconds.
LOOK_S = 0.02
THUMBNAIL = Path("demo-thumbnail.jpg")
VARIANTS: list[Json] = [
    {"name": "thumbnail", "ops": [{"op": "resize", "width": 320}]},
    {"name": "grey", "ops": [{"op": "resize", "width": 640}, {"op": "grayscale"}]},
]
COUNTDOWN_S = 30
SEEN_TICKS = 3


class DemoFailed(JoblineError):
    """The demo did not end as it should; the message says where."""


def demo(
    photo: Annotated[
        Path | None,
        typer.Option("--photo", help="The photo to shrink. Default: a picture drawn for the demo."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File of the thumbnail.")] = THUMBNAIL,
) -> None:
    """Shrink a photo and cancel a countdown, on a service started for the demo."""
    if photo and not photo.is_file():
        raise DemoFailed(f"there is no photo {photo}")
    console = Console(sys.stdout, muted=CHILDREN)
    with tempfile.TemporaryDirectory(prefix="jobline-demo-") as directory:
        picture = photo or draw_picture(Path(directory) / "picture.jpg")
        plan = Plan(
            Path(directory),
            free_port(),
            stop_grace_s=1.0,
            redis_port=free_port(),
            environment={
                "JOBLINE_AUTH": "off",
                "JOBLINE_STOP_GRACE_S": "1",
                "JOBLINE_TASKS": "jobline.tasks",
            },
        )
        outcome = run_until_stopped(run_demo(plan, Demo(picture, output, console.say_own), console), console)
    sys.exit(INTERRUPTED if outcome is None else outcome)


async def run_demo(plan: Plan, show: Demo, console: Console) -> int:
    """Start everything, show it, and stop everything; return the exit status."""
    began = time.monotonic()
    try:
        async with open_stack(plan, console) as stack:
            await stack.wait_until_ready(READY_TIMEOUT_S)
            show.say(f"Redis, worker and API ready in {time.monotonic() - began:.1f} s at {stack.url}")
            with ApiClient(stack.url) as api:
                await asyncio.to_thread(show.run, api)
    except JoblineError as error:
        console.replay()
        show.say(f"failed: {error}")
        return 1
    show.say("all processes ended")
    return 0


@dataclass(frozen=True)
class Demo:
    """The two parts of the demo, as a client of the API; each method raises DemoFailed or ApiError."""

    photo: Path
    output: Path
    say: Callable[[str], None]

    def run(self, api: ApiClient) -> None:
        """Show both parts."""
        self.shrink(api)
        self.cancel(api)

    def shrink(self, api: ApiClient) -> None:
        """Upload the photo, wait for its job, and download the thumbnail."""
        began = time.monotonic()
        size = self.photo.stat().st_size
        uploaded = api.upload(self.photo)
        self.say(f"uploaded {self.photo.name}, {size:,} bytes, as {uploaded['id']}")
        task, order = choose_task(api, uploaded["id"])
        job = self.watch(api, task, order)
        if job["state"] != State.SUCCESS:
            raise DemoFailed(f"{task} ended in {job['state']}: {job.get('error')}")
        items = api.artifacts(job["id"])["items"]
        for item in items:
            self.say(f"made {item['name']}, {item['size_bytes']:,} bytes")
        fetch(api, job["id"], choose_artifact(items), self.output)
        self.say(
            f"downloaded {self.output}: {self.output.stat().st_size:,} bytes from {size:,}, "
            f"{time.monotonic() - began:.2f} s from upload to download"
        )

    def cancel(self, api: ApiClient) -> None:
        """Watch a countdown, and cancel it half-way."""
        ticks = 0
        cancelled_at = 0.0

        def stop_in_the_middle(job: Json) -> None:
            nonlocal ticks, cancelled_at
            ticks += job["state"] == State.STARTED and bool(job.get("progress"))
            if ticks >= SEEN_TICKS and not cancelled_at:
                self.say("cancelling it")
                cancelled_at = time.monotonic()
                api.cancel(job["id"])

        job = self.watch(api, "demo.countdown", {"seconds": COUNTDOWN_S}, stop_in_the_middle)
        if job["state"] != State.REVOKED:
            raise DemoFailed(f"the cancelled countdown ended in {job['state']}")
        self.say(f"stopped {time.monotonic() - cancelled_at:.2f} s after the cancel")

    def watch(
        self, api: ApiClient, task: str, order: Json, on_change: Callable[[Json], None] = lambda _: None
    ) -> Json:
        """Submit a job, and show each of its changes until it ends."""
        began = time.monotonic()
        job = api.submit(task, {"input": order})
        self.say(f"submitted {task} {job['id']}")
        looks = changes(job, follow(api, job["id"], wait_s=0, turn_s=LOOK_S))
        for job in looks:
            self.say(f"  {time.monotonic() - began:5.2f} s  {job['state']:<8} {message(job)}".rstrip())
            on_change(job)
        return job


def changes(first: Json, later: Iterator[Json]) -> Iterator[Json]:
    """Yield the jobs that show something new."""
    yield first
    shown = (first["state"], message(first))
    for job in later:
        look = (job["state"], message(job))
        if look != shown:
            shown = look
            yield job


def choose_task(api: ApiClient, file_id: str) -> tuple[str, Json]:
    """Return the image task to show, with an input for it; raises DemoFailed when none is on offer."""
    names = {item["name"] for item in api.tasks()["items"]}
    if "image.process" in names:
        return "image.process", {"file": file_id, "format": "jpeg", "variants": VARIANTS}
    if "image.thumbnail" in names:
        return "image.thumbnail", {"file": file_id, "width": 320}
    raise DemoFailed("no image task is on offer: install jobline[image]")


def choose_artifact(items: list[Json]) -> Json:
    """Return the thumbnail, or else the first artifact."""
    if not items:
        raise DemoFailed("the job made no artifact")
    return next((item for item in items if "thumbnail" in item["name"]), items[0])
