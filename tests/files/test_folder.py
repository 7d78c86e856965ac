from __future__ import annotations

from pathlib import Path

import pytest

from jobline.domain.errors import SettingsError
from jobline.files import check_data_dir


def test_directory_that_cannot_be_written_is_one_line_with_its_variable(tmp_path: Path) -> None:
    """An API that starts on a read-only disk would answer 500 to the first upload."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        SettingsError, match=r"JOBLINE_DATA_DIR: .*file/data cannot be written \(Not a directory\)"
    ):
        check_data_dir(tmp_path / "file" / "data")


def test_missing_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    check_data_dir(tmp_path / "a" / "data")
    assert (tmp_path / "a" / "data").stat().st_mode & 0o077 == 0
    assert list((tmp_path / "a" / "data").iterdir()) == []
