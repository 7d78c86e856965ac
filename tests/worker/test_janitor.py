"""The bytes of deleted and expired files leave the disk, whatever dies in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.files import FileStore, new_file_id
from jobline.ledger import commands
from jobline.ledger.keys import Key
from jobline.worker.app import build_celery
from jobline.worker.janitor import Janitor
from tests.support.ledger import RETENTION, TENANT, Ledger


@pytest.fixture
def janitor(ledger: Ledger, redis_url: str, tmp_path: Path) -> Janitor:
    settings = Settings.model_validate({"redis_url": redis_url, "data_dir": tmp_path})
    return Janitor(build_celery(Registry.of([]), settings).resources)


def store_file(ledger: Ledger, root: Path) -> str:
    file_id = new_file_id()
    (root / "files").mkdir(exist_ok=True)
    (root / "files" / file_id).write_bytes(b"abc")
    ledger.add_file(file_id)
    return file_id


def on_disk(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*") if path.is_file()}


def test_bytes_of_deleted_and_expired_files_are_deleted_and_others_stay(
    ledger: Ledger, janitor: Janitor, tmp_path: Path
) -> None:
    """Nothing emptied the trash: the disk filled up, and deleted content could be read there for ever."""
    kept, *deleted = [store_file(ledger, tmp_path) for _ in range(121)]
    for file_id in deleted[:60]:
        assert ledger.run(commands.files.delete_file(file_id, TENANT, RETENTION))
    for file_id in deleted[60:]:
        ledger.let_pass(Key.FILES.of(), file_id)
    while ledger.tick().has_more:
        pass
    janitor.empty_trash()
    assert on_disk(tmp_path) == {kept}
    assert not ledger.redis.exists(Key.TRASH.of())


def test_bytes_go_although_a_worker_died_between_disk_and_ledger(
    ledger: Ledger, janitor: Janitor, tmp_path: Path
) -> None:
    """An id leaves the trash only after its bytes are gone, so a crash at any step costs one more round."""
    first, second = store_file(ledger, tmp_path), store_file(ledger, tmp_path)
    for file_id in (first, second):
        ledger.run(commands.files.delete_file(file_id, TENANT, RETENTION))
    FileStore(tmp_path).remove(first)  # and dies
    janitor.empty_trash()
    assert on_disk(tmp_path) == set()
    assert not ledger.redis.exists(Key.TRASH.of())


def test_file_that_cannot_be_deleted_stays_in_the_trash_and_stops_no_other(
    ledger: Ledger, janitor: Janitor, tmp_path: Path
) -> None:
    """One directory with a wrong owner must not keep the bytes of all others on the disk."""
    stuck, *others = [store_file(ledger, tmp_path) for _ in range(80)]
    (tmp_path / "files" / stuck).unlink()
    (tmp_path / "files" / stuck).mkdir()  # which unlink refuses
    ledger.redis.sadd(Key.TRASH.of(), "../../etc/passwd")
    for file_id in (stuck, *others):
        ledger.run(commands.files.delete_file(file_id, TENANT, RETENTION))
    janitor.empty_trash()
    assert on_disk(tmp_path) == set()
    assert ledger.redis.smembers(Key.TRASH.of()) == {stuck.encode()}
