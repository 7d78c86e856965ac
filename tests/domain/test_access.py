from __future__ import annotations

from typing import TypeVar

import pytest
import redis

from jobline.domain.access import (
    ANYBODY,
    TENANT,
    Principal,
    Scope,
    join_scopes,
    make_token,
    read_token,
    split_scopes,
)
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT, Key
from jobline.ledger.scripts import scripts_of

T = TypeVar("T")
ALL = frozenset(Scope)


def run(client: redis.Redis, command: Command[T]) -> T:
    return command.read(client.eval(scripts_of(DEFAULT_LAYOUT)[command.script].text, 0, *command.args))


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


def test_token_is_read_back_and_only_its_digest_is_kept() -> None:
    credential, token = make_token()

    assert read_token(token) == credential
    assert token.rpartition("_")[2] not in repr(credential) + credential.digest
    assert credential.digest not in repr(credential)
    assert len({make_token()[1] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "jl_", "jl_x_y", "Bearer", "jl_" + "0" * 16 + "_" + "-" * 64, "\0", "é" * 90]
)
def test_malformed_token_is_none(text: str) -> None:
    assert read_token(text) is None
    assert read_token(make_token()[1] + text) is None or not text


def test_secret_proves_its_own_digest_alone() -> None:
    one, other = make_token()[0], make_token()[0]
    assert one.proves(one.digest)
    assert not one.proves(other.digest)


def test_scopes_imply_nothing_but_admin_everything() -> None:
    reader = Principal("k", "t", frozenset({Scope.READ}))
    admin = Principal("k", "t", frozenset({Scope.ADMIN}))

    assert [scope for scope in Scope if reader.may(scope)] == [Scope.READ]
    assert all(admin.may(scope) and ANYBODY.may(scope) for scope in Scope)
    assert split_scopes(join_scopes(ALL)) == ALL
    assert join_scopes(ALL) == "read submit manage admin"


@pytest.mark.parametrize("name", ["a:b", "", "A", "-a", "a b", "é", "a" * 64, "a\n"])
def test_tenant_that_would_break_a_key_is_refused(name: str) -> None:
    assert not TENANT.fullmatch(name)


def test_ledger_stores_the_digest_and_finds_the_key_by_its_id(client: redis.Redis) -> None:
    credential, token = make_token()
    order = commands.access.add_access_key(credential, tenant="acme", scopes=ALL, name="ci", ttl_ms=60_000)
    created_ms = run(client, order)
    found = run(client, commands.access.read_access_key(credential))
    (listed,) = run(client, commands.access.list_access_keys())

    assert found is not None
    assert (found.principal.tenant, found.principal.scopes, found.digest) == ("acme", ALL, credential.digest)
    assert found.left_ms is not None
    assert 0 < found.left_ms <= 60_000
    assert (listed.name, listed.tenant, int(listed.created_at.timestamp() * 1000)) == (
        "ci",
        "acme",
        created_ms,
    )
    assert token.rpartition("_")[2] not in str(client.hgetall(Key.ACCESS.of(credential.id)))


def test_use_is_noted_with_the_right_secret_only(client: redis.Redis) -> None:
    credential, _ = make_token()
    run(client, commands.access.add_access_key(credential, tenant="t", scopes=ALL, name="", ttl_ms=None))
    wrong = read_token(f"jl_{credential.id}_{'0' * 64}")
    assert wrong is not None

    found = run(client, commands.access.read_access_key(wrong))
    assert found is not None
    assert not wrong.proves(found.digest)
    assert run(client, commands.access.list_access_keys())[0].used_at is None
    run(client, commands.access.read_access_key(credential))
    assert run(client, commands.access.list_access_keys())[0].used_at is not None


def test_expired_and_revoked_keys_are_not_found(client: redis.Redis) -> None:
    expired, revoked = make_token()[0], make_token()[0]
    for one in (expired, revoked):
        run(client, commands.access.add_access_key(one, tenant="t", scopes=ALL, name="", ttl_ms=60_000))
    client.hset(Key.ACCESS.of(expired.id), "expires", 1)

    assert run(client, commands.access.delete_access_key(revoked.id))
    assert not run(client, commands.access.delete_access_key(revoked.id))
    assert run(client, commands.access.read_access_key(expired)) is None
    assert run(client, commands.access.read_access_key(revoked)) is None
    assert [key.id for key in run(client, commands.access.list_access_keys())] == [expired.id]


def test_requests_are_counted_in_a_window_that_ends(client: redis.Redis) -> None:
    first = run(client, commands.access.count_requests("k", 3, 1000))
    second = run(client, commands.access.count_requests("k", 2, 1000))

    assert (first.count, second.count) == (3, 5)
    assert 0 < second.left_ms <= 1000
    assert client.pttl(Key.RATE.of("k")) > 0
