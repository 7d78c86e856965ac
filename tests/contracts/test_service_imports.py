"""The service reads tasks without loading what they need, and knows nothing of Celery."""

import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
#: Libraries that tasks may need; the service must not import any of them.
HEAVY = {
    *(
        "PIL",
        "cv2",
        "duckdb",
        "numpy",
        "pandas",
        "pillow_heif",
        "playwright",
        "polars",
        "scipy",
        "sklearn",
        "torch",
    ),
    *("amqp", "billiard", "celery", "kombu", "vine"),
}
START = """
import asyncio, sys
from jobline.service.main import app

async def start():
    async with app.router.lifespan_context(app):
        app.openapi()

asyncio.run(start())
print("\\n".join(sys.modules))
"""


def test_started_service_has_loaded_no_library_of_a_task_and_no_celery() -> None:
    started = subprocess.run(
        [sys.executable, "-c", START],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SRC)},
    )
    roots = {name.partition(".")[0] for name in started.stdout.split()}

    assert "jobline.service.app" in started.stdout.split()
    assert roots & HEAVY == set()
    assert "jobline.worker" not in started.stdout.split()
