"""What a batch costs, in what does not depend on the machine: statements, and calls of Python."""

import pytest

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.storage.columns import columns_of
from ledger_service.storage.journal import WRITE_BATCH
from ledger_service.storage.loading import LOAD_BATCH
from tests.builders import earn
from tests.calls import calls_in
from tests.storage.conftest import Storage, round_trips


def earns(count: int) -> list[Command]:
    return [earn(5, key=f"k-{number}", account_id=f"m-{number}") for number in range(count)]


async def calls_per_command(storage: Storage, *commands: Command) -> tuple[float, float]:
    """To decide each, and to make rows of what was decided."""
    loaded = await storage.journal.load_batch(storage.program_id, commands)
    proposal = decide(loaded, commands)
    deciding = calls_in(lambda: decide(loaded, commands)) / len(commands)
    return deciding, calls_in(lambda: columns_of(proposal)) / len(commands)


@pytest.mark.parametrize("count", [1, 64, 256])
async def test_a_batch_is_two_statements_and_one_commit_however_many_travel(storage: Storage, count: int):
    await storage.post(earn(1, key="first"))  # settings are known from then on
    async with round_trips(storage) as sent:
        await storage.post(*earns(count))
    assert sent == [LOAD_BATCH, WRITE_BATCH]


@pytest.mark.parametrize(
    ("count", "deciding_most", "writing_most"),
    [(1, 80, 23), (64, 70, 9)],
)
async def test_an_earn_takes_no_more_calls_than_it_did(
    storage: Storage, count: int, deciding_most: float, writing_most: float
):
    """Who makes them more has to say so here. They differ a little between versions of Python."""
    deciding, writing = await calls_per_command(storage, *earns(count))
    assert deciding <= deciding_most
    assert writing <= writing_most
