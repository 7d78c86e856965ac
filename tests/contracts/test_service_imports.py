"""The service reads the declarations of tasks without loading their libraries, and does not know Celery."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Extras that do not belong to a task family.
OTHER_EXTRAS = {"all", "dev-server"}
CELERY = {"amqp", "billiard", "celery", "kombu", "vine"}
START = """
import asyncio, sys
from jobline.service.main import app

async def start():
    async with app.router.lifespan_context(app):
        app.openapi()

asyncio.run(start())
print("\\n".join(sys.modules))
"""


def find_task_libraries() -> set[str]:
    """Return the import names of everything that the extras of the task families install."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {
        normalize(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        for extra, requirements in extras.items()
        if extra not in OTHER_EXTRAS
        for requirement in requirements
    }
    return {
        name
        for name, distributions in packages_distributions().items()
        if wanted & {normalize(one) for one in distributions}
    }


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_started_service_has_loaded_no_library_of_a_task_and_no_celery() -> None:
    libraries = find_task_libraries()
    started = subprocess.run(
        [sys.executable, "-c", START],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    roots = {name.partition(".")[0] for name in started.stdout.split()}

    assert {"PIL", "pillow_heif"} <= libraries
    assert "jobline.service.app" in started.stdout.split()
    assert roots & (libraries | CELERY) == set()
    assert "jobline.worker" not in started.stdout.split()
