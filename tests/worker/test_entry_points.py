from __future__ import annotations

import subprocess
import sys

import pytest
from celery import Celery
from celery.utils.imports import symbol_by_name

from jobline.worker import entry_points

PATHS = {name: path for name, path in vars(entry_points).items() if name.isupper()}


@pytest.mark.parametrize("name", [name for name in PATHS if name != "APP"])
def test_path_leads_to_a_class(name: str) -> None:
    assert isinstance(symbol_by_name(PATHS[name]), type)


def test_app_is_found_by_its_module() -> None:
    assert isinstance(symbol_by_name(f"{entry_points.APP}:app"), Celery)


def test_reading_the_paths_loads_nothing() -> None:
    script = "import sys, jobline.worker.entry_points; sys.exit('celery' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
