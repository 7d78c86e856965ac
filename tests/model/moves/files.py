"""Clients upload and drop files; a worker empties the trash."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobline.ledger import commands
from jobline.ledger.scripts import CONSTANTS
from tests.model.moves.stage import ANY, RETENTION, TENANTS, Part, Stage, only


class Files(Stage):
    """Keep and drop files."""

    @only(Part.FILES)
    @rule(tenant=TENANTS)
    def add_file(self, tenant: str) -> None:
        name = f"file-{len(self.files):03}"
        self.files.append(name)
        self.run(commands.files.reserve_file(name))
        command = commands.files.add_file(
            name, tenant, name="n", media_type="text/plain", size_bytes=1, sha256="0", retention=RETENTION
        )
        assert self.run(command) == self.model.add_file(name, tenant)

    @only(Part.FILES)
    @rule()
    def reserve_file(self) -> None:
        name = f"upload-{len(self.model.reserved) + len(self.model.trash):03}"
        self.run(commands.files.reserve_file(name))
        self.model.reserved[name] = self.model.now + CONSTANTS["RESERVED_MS"]

    @only(Part.FILES)
    @precondition(lambda self: self.files)
    @rule(number=ANY, tenant=TENANTS)
    def read_file(self, number: int, tenant: str) -> None:
        name = self.pick(self.files, number)
        (found,) = self.call(commands.files.read_files(tenant, [name]))
        word = self.model.look_at_file(name, tenant)
        id_, found_word, *more = found
        assert (id_.decode(), found_word.decode()) == (name, word)
        if word == "found":
            expires = self.model.files[name].expires
            assert more[1].decode() == ("" if expires is None else str(expires))

    @only(Part.FILES)
    @precondition(lambda self: self.files)
    @rule(number=ANY, tenant=TENANTS)
    def delete_file(self, number: int, tenant: str) -> None:
        name = self.pick(self.files, number)
        reply = self.call(commands.files.delete_file(name, tenant, RETENTION))
        assert reply.decode() == self.model.delete_file(name, tenant)

    @only(Part.FILES)
    @rule(deletes=st.booleans())
    def trash(self, deletes: bool) -> None:  # noqa: FBT001
        named = self.run(commands.files.trash())
        assert set(named) == self.model.trash
        if deletes and self.model.trash:
            gone = min(self.model.trash)
            self.model.trash.discard(gone)
            left = self.run(commands.files.trash([gone]))
            assert set(left) == self.model.trash
