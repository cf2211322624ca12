"""Programs: tenants, and every version of their settings."""

import asyncio

from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.ledger.refusals import KeyReused, ProgramExists
from ledger_service.storage.claims import OPERATOR_CALLS, KeyClaim
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Programs
from tests.builders import DAY, NOON, earn
from tests.storage.conftest import Storage


def claim(key: str = "create", fingerprint: bytes = bytes(16)) -> KeyClaim:
    return KeyClaim(OPERATOR_CALLS, key, fingerprint, "request-1")


async def create(storage: Storage, slug: str, claimed: KeyClaim | None = None, mode: str = "live") -> object:
    key = Keys(storage.database, b"pepper").new(mode, ["admin"], "tests")
    return await Programs(storage.database).create(claimed, slug, mode, {"currency": "EUR"}, None, key)


async def test_a_program_is_found_by_its_slug_and_its_number(storage: Storage):
    programs = Programs(storage.database)
    found = await programs.find("demo")
    assert found == await programs.get(storage.program_id)
    assert found is not None
    assert (found.slug, found.mode, found.version, found.settings["auto_open"]) == ("demo", "test", 1, True)
    assert await programs.find("nobody") is None


async def test_programs_are_listed_oldest_first(storage: Storage):
    await create(storage, "a-later-one")
    assert [program.slug for program in await Programs(storage.database).list()] == ["demo", "a-later-one"]


async def test_settings_get_a_new_version_and_the_old_ones_are_kept(storage: Storage):
    programs = Programs(storage.database)
    changed = await programs.put(storage.program_id, 1, {"auto_open": False, "point_name": "Pünktchen"})
    assert changed is not None
    assert (changed.version, changed.settings["point_name"]) == (2, "Pünktchen")
    versions = await programs.versions(storage.program_id)
    assert [(one["version"], one["settings"]["auto_open"]) for one in versions] == [(2, False), (1, True)]


async def test_settings_change_only_from_the_version_that_the_caller_knows(storage: Storage):
    programs = Programs(storage.database)
    answers = await asyncio.gather(*(programs.put(storage.program_id, 1, {"round": number}) for number in range(3)))
    assert sorted(answer.version for answer in answers if answer) == [2]
    assert await programs.put(storage.program_id + 1, 1, {}) is None


async def test_a_slug_is_given_once(storage: Storage):
    assert isinstance(await create(storage, "taken", claim("one")), Answered)
    assert await create(storage, "taken", claim("two")) == Refused(ProgramExists("taken"), "request-1")
    assert await create(storage, "taken") == Refused(ProgramExists("taken"), "")


async def test_a_slug_refused_stays_refused_under_its_key_and_the_key_stands_for_nothing_else(storage: Storage):
    await create(storage, "taken")
    refused = await create(storage, "taken", claim("two"))
    assert await create(storage, "taken", claim("two")) == Replayed(refused)  # type: ignore[arg-type]
    assert await create(storage, "free", claim("two", b"another request!")) == Refused(KeyReused(), "request-1")
    assert await storage.count("program") == 2


async def test_a_call_repeated_makes_one_program(storage: Storage):
    first = await create(storage, "new", claim())
    assert isinstance(first, Answered)
    assert await create(storage, "new", claim()) == Replayed(first)
    assert await create(storage, "other", claim(fingerprint=b"another request!")) == Refused(KeyReused(), "request-1")
    assert await storage.count("program") == 2


async def test_the_clock_of_a_test_program_stands_still_and_a_live_one_has_none(storage: Storage):
    await create(storage, "tested", mode="test")
    await create(storage, "live")
    rows = await storage.fetch("SELECT slug, clock IS NULL AS has_none FROM ledger.program ORDER BY program_id")
    assert [tuple(row) for row in rows] == [("demo", False), ("tested", False), ("live", True)]
    assert (await storage.journal.load_batch(storage.program_id, [earn()])).now == NOON


async def test_a_clock_is_moved_forward_and_batches_decide_by_it(storage: Storage):
    programs = Programs(storage.database)
    for to in (NOON, NOON + DAY, NOON + DAY):
        assert await programs.advance_clock(storage.program_id, to) == to
    assert await programs.advance_clock(storage.program_id, NOON) is None
    assert (await storage.journal.load_batch(storage.program_id, [earn()])).now == NOON + DAY
