from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from jobline.domain.file_id import FileReferences
from jobline.tasks.image import process, thumbnail
from jobline.tasks.image.order import ImageOrder

FILE = "file_" + "0" * 32


def test_declaring_the_tasks_does_not_load_an_image_library() -> None:
    code = "import sys, jobline.tasks.image; assert not {'PIL', 'pillow_heif'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"], check=True)


@pytest.mark.parametrize("task", [process, thumbnail])
def test_tasks_say_what_they_need_and_where_they_run(task: Any) -> None:
    assert task.queue == "media"
    assert task.extra == "image"
    assert task.requires == ("PIL", "pillow_heif")


@pytest.mark.parametrize("task", [process, thumbnail])
def test_file_is_limited_before_a_job_is_accepted(task: Any) -> None:
    references = FileReferences()
    task.input_adapter.validate_python(
        {"file": FILE, "width": 1} if task is thumbnail else {"file": FILE}, context=references
    )
    assert references.found[FILE].max_bytes == 50_000_000
    assert references.found[FILE].media_types == ("image/*", "application/octet-stream")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ops": [{"op": "zoom"}]},
        {"ops": [{"width": 10}]},
        {"ops": [{"op": "resize"}]},
        {"ops": [{"op": "resize", "width": 0}]},
        {"ops": [{"op": "resize", "width": 16384}]},
        {"ops": [{"op": "flip"}] * 11},
        {"ops": [{"op": "blur", "radius": 0}]},
        {"ops": [{"op": "crop", "x": -1, "y": 0, "w": 1, "h": 1}]},
        {"format": "gif"},
        {"quality": 0},
        {"quality": 101},
        {"background": "red"},
        {"background": "#12345"},
        {"variants": [{"name": "../a"}]},
        {"variants": [{"name": "a"}, {"name": "a"}]},
        {"variants": [{"name": "a"}], "ops": [{"op": "flip"}]},
        {"variants": [{"name": f"v{number}"} for number in range(11)]},
        {"unknown": 1},
    ],
)
def test_impossible_order_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImageOrder.model_validate({"file": FILE, **wrong})


def test_ops_are_a_named_union_with_a_discriminator() -> None:
    schema = ImageOrder.model_json_schema()
    assert schema["$defs"]["ImageOp"]["discriminator"]["propertyName"] == "op"
    assert "prefixItems" not in json.dumps(schema)
