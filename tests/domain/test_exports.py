from __future__ import annotations

import types

import jobline


def test_exports_are_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(jobline).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    # `task` is the decorator, and `jobline.domain.task` its module: the name holds the decorator.
    assert jobline.__all__ == sorted(jobline.__all__)
    assert set(jobline.__all__) == public
    assert callable(jobline.task)
