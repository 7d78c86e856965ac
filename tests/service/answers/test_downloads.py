from __future__ import annotations

from jobline.service.answers.disposition import write_disposition
from jobline.service.answers.downloads import OUTSIDE, read_range


def test_no_range_fits_an_empty_file() -> None:
    assert {read_range(wanted, 0) for wanted in ("bytes=0-", "bytes=0-0", "bytes=-1")} == {OUTSIDE}


def test_name_is_written_in_ascii_and_in_full() -> None:
    assert write_disposition('a"\r\né.txt') == (
        "attachment; filename=\"a____.txt\"; filename*=UTF-8''a%22%0D%0A%C3%A9.txt"
    )
