"""API keys: shown once, stored as an HMAC, found while they live."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.errors import KeyTaken
from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.ledger.refusals import KeyReused
from ledger_service.storage.claims import KeyClaim
from ledger_service.storage.keys import Keys, NewKey
from tests.storage.conftest import Storage

PEPPER = b"pepper of the tests"


def new_key(keys: Keys, **chosen: object) -> NewKey:
    return keys.new("live", ["earn", "read"], "shop-berlin", name="till 7", **chosen)  # type: ignore[arg-type]


async def test_a_key_finds_its_program_source_and_scopes(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    key = new_key(keys)
    await keys.create(None, storage.program_id, key)
    principal = await keys.find(keys.digest(key.token))
    assert principal is not None
    assert (principal.program_id, principal.slug, principal.mode) == (storage.program_id, "demo", "test")
    assert (principal.source, principal.scopes) == ("shop-berlin", {"earn", "read"})
    assert (principal.key_id, principal.expires_at) == (key.key_id, None)


async def test_the_key_itself_is_nowhere_in_the_database(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    key = new_key(keys)
    claim = KeyClaim(storage.program_id, "create-1", bytes(16), "request-1")
    await keys.create(claim, storage.program_id, key)
    secret = key.token.rsplit("_", 1)[1]
    rows = await storage.fetch("SELECT k::text || o::text FROM ledger.api_key AS k, ledger.outcome AS o")
    assert rows
    assert not any(secret in row[0] for row in rows)
    assert secret not in repr(key)


async def test_another_pepper_finds_nothing(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    key = new_key(keys)
    await keys.create(None, storage.program_id, key)
    assert await keys.find(Keys(storage.database, b"another").digest(key.token)) is None


async def test_a_revoked_key_finds_nothing_and_revoking_twice_is_once(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    key = new_key(keys)
    await keys.create(None, storage.program_id, key)
    assert await keys.revoke(storage.program_id, key.key_id)
    assert await keys.find(key.digest) is None
    [before] = await storage.fetch("SELECT revoked_at FROM ledger.api_key WHERE key_id = $1", key.key_id)
    assert await keys.revoke(storage.program_id, key.key_id)
    [after] = await storage.fetch("SELECT revoked_at FROM ledger.api_key WHERE key_id = $1", key.key_id)
    assert before == after
    assert not await keys.revoke(storage.program_id + 1, key.key_id)
    assert not await keys.revoke(storage.program_id, "nobody")


async def test_an_expired_key_finds_nothing(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    [now] = (await storage.fetch("SELECT clock_timestamp()"))[0]
    gone, alive = new_key(keys, expires_at=now), new_key(keys, expires_at=now + timedelta(days=1))
    await keys.create(None, storage.program_id, gone)
    await keys.create(None, storage.program_id, alive)
    assert await keys.find(gone.digest) is None
    assert await keys.find(alive.digest) is not None


async def test_keys_are_listed_oldest_first_with_their_ends_and_without_themselves(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    key = new_key(keys, expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    await keys.create(None, storage.program_id, key)
    await keys.revoke(storage.program_id, key.key_id)
    first, listed = await keys.list(storage.program_id)
    assert first["source"] == "tests"
    assert listed.keys() == {
        *("key_id", "name", "scopes", "source", "masked", "created_at", "expires_at", "revoked_at"),
    }
    assert (listed["name"], listed["expires_at"]) == ("till 7", "2027-01-01T00:00:00Z")
    assert listed["revoked_at"] is not None
    assert key.token[-4:] in listed["masked"]
    assert await keys.list(storage.program_id + 1) == []


async def test_a_call_repeated_makes_one_key_and_is_answered_without_it(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    claim = KeyClaim(storage.program_id, "create-1", bytes(16), "request-1")
    first = await keys.create(claim, storage.program_id, new_key(keys))
    assert isinstance(first, Answered)
    assert '"api_key":null' in first.detail
    assert await keys.create(claim, storage.program_id, new_key(keys)) == Replayed(first)
    assert len(await keys.list(storage.program_id)) == 2


async def test_an_idempotency_key_used_for_another_call_is_refused(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    await keys.create(KeyClaim(storage.program_id, "same", bytes(16), "first"), storage.program_id, new_key(keys))
    other = KeyClaim(storage.program_id, "same", b"another request!", "second")
    assert await keys.create(other, storage.program_id, new_key(keys)) == Refused(KeyReused(), "second")
    assert len(await keys.list(storage.program_id)) == 2


async def test_a_given_key_exists_once(storage: Storage):
    keys = Keys(storage.database, PEPPER)
    await keys.create(None, storage.program_id, new_key(keys, token="given by its owner"))
    with pytest.raises(KeyTaken):
        await keys.create(None, storage.program_id, new_key(keys, token="given by its owner"))
    claim = KeyClaim(storage.program_id, "create-1", bytes(16), "request-1")
    with pytest.raises(KeyTaken):
        await keys.create(claim, storage.program_id, new_key(keys, token="given by its owner"))
