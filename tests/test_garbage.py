from __future__ import annotations

import gc

from jobline.garbage import THRESHOLDS, frozen_imports


def test_what_is_loaded_is_spared_while_the_block_runs() -> None:
    before = gc.get_threshold()
    with frozen_imports():
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
