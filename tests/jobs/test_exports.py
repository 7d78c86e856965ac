from __future__ import annotations

import types

import jobs


def test_exports_are_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(jobs).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    # `task` is the decorator, and `jobs.task` its module: the name holds the decorator.
    assert jobs.__all__ == sorted(jobs.__all__)
    assert set(jobs.__all__) == public
    assert callable(jobs.task)
