"""Claims: what the key of a configuration call stands for."""

import pytest

from ledger_service.errors import KeyTaken
from ledger_service.ledger.outcomes import Answered, Refused, Replayed
from ledger_service.ledger.refusals import KeyReused
from ledger_service.storage.claims import KeyClaim, recall
from tests.builders import earn, open_account
from tests.storage.conftest import Storage


async def test_a_key_that_stands_for_nothing_means_that_something_else_was_unique(storage: Storage):
    with pytest.raises(KeyTaken):
        await recall(storage.database, KeyClaim(storage.program_id, "new", bytes(16), "request-1"))


async def test_the_same_call_is_answered_as_before(storage: Storage):
    opened = open_account(key="same")
    [first] = await storage.post(opened)
    claim = KeyClaim(storage.program_id, "same", opened.fingerprint, "request-2")
    assert isinstance(first, Answered)
    assert await recall(storage.database, claim) == Replayed(first)


@pytest.mark.parametrize("command", [earn(key="same"), open_account(key="same")], ids=["posting", "configuration"])
async def test_another_call_under_the_key_is_refused(storage: Storage, command: object):
    await storage.post(command)  # type: ignore[arg-type]
    claim = KeyClaim(storage.program_id, "same", b"another request!", "request-2")
    assert await recall(storage.database, claim) == Refused(KeyReused(), "request-2")
