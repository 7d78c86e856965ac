"""`jobline keys`: make, list and revoke access keys; it writes to the ledger, so it is for the operator.

A new key is printed once, alone on standard output, so that `KEY=$(jobline keys create …)` works; the
remarks go to standard error.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from jobline.cli.options import AsJson, print_json, print_table, report
from jobline.domain.access import TENANT, Scope, join_scopes, make_token
from jobline.domain.errors import JoblineError
from jobline.domain.settings import Auth, read_settings
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.running import join_running
from jobline.startup import warn_of_misspelt_variables

T = TypeVar("T")

DAY_MS = 86_400_000
MAX_NAME = 100
DEFAULT_SCOPES = [Scope.READ, Scope.SUBMIT, Scope.MANAGE]

keys = typer.Typer(help="Make, list and revoke access keys (JOBLINE_AUTH=keys).", no_args_is_help=True)


class KeyRefused(JoblineError):
    """A key cannot be made as asked, or there is none to revoke; the message says why."""


@keys.command()
def create(
    tenant: Annotated[str, typer.Option("--tenant", help="Tenant whose jobs and files the key opens.")],
    scope: Annotated[
        list[Scope], typer.Option("--scope", help="What the key allows; may be repeated.")
    ] = DEFAULT_SCOPES,
    name: Annotated[
        str, typer.Option("--name", help="What the key is for, to recognise it in the list.")
    ] = "",
    expires_in_days: Annotated[
        float | None,
        typer.Option(
            "--expires-in-days",
            min=0.001,
            max=36_500,
            help="Days until the key expires. Default: it never does.",
        ),
    ] = None,
) -> None:
    """Make a key and print it; it cannot be shown later, as the ledger keeps only a digest."""
    if not TENANT.fullmatch(tenant):
        raise KeyRefused(
            f"the tenant {tenant!r} must be 1 to 63 of a-z, 0-9, - and _, the first a letter or a digit"
        )
    if len(name) > MAX_NAME or not name.isprintable():
        raise KeyRefused(f"the name must be at most {MAX_NAME} printable characters")
    credential, token = make_token()
    ttl_ms = None if expires_in_days is None else int(expires_in_days * DAY_MS)
    scopes = frozenset(scope)
    run(commands.access.add_access_key(credential, tenant=tenant, scopes=scopes, name=name, ttl_ms=ttl_ms))
    sys.stdout.write(f"{token}\n")
    report(f"key {credential.id} of {tenant} may {join_scopes(scopes)}; it is not shown again")
    if read_settings().auth is not Auth.KEYS:
        report("keys are off: start the API with JOBLINE_AUTH=keys")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys by their ids; the keys themselves are not stored."""
    found = run(commands.access.list_access_keys())
    rows = [
        {
            "id": key.id,
            "tenant": key.tenant,
            "scopes": join_scopes(key.scopes).split(),
            "name": key.name,
            "created_at": write(key.created_at),
            "used_at": write(key.used_at),
            "expires_at": write(key.expires_at),
        }
        for key in found
    ]
    if as_json:
        print_json({"items": rows})
        return
    headings = ("ID", "TENANT", "SCOPES", "NAME", "CREATED", "LAST USED", "EXPIRES")
    print_table(headings, [[join(cell) for cell in row.values()] for row in rows])


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key.")]) -> None:
    """Revoke a key; every process refuses it within seconds."""
    if not run(commands.access.delete_access_key(key_id)):
        raise KeyRefused("there is no key of this id: `jobline keys list` shows them")
    report(f"key {key_id} is revoked")


def run(command: Command[T]) -> T:
    """Run one command on the ledger of the settings; raises LedgerUnavailable."""
    from jobline.ledger.connect import Connector
    from jobline.ledger.store import Store

    warn_of_misspelt_variables()
    join_running()
    # The error itself is printed; the log line of a server would say it twice.
    logging.getLogger("jobline").addHandler(logging.NullHandler())

    async def once() -> T:
        store = Store(Connector.of(read_settings()))
        try:
            return await store.run(command)
        finally:
            await store.close()

    return asyncio.run(once())


def write(moment: datetime | None) -> str | None:
    """Return a time to the second, as ISO 8601."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def join(cell: str | list[str] | None) -> str | None:
    """Return scopes as one cell of a table."""
    return " ".join(cell) if isinstance(cell, list) else cell
