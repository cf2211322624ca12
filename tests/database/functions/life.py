"""A call of the gate in which holds, transfers and merges all occur, and the books that it is decided on."""

from ledger_service.ledger.commands import Command
from ledger_service.ledger.decide import decide
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from tests.builders import (
    attach,
    capture,
    claim,
    earn,
    merge,
    open_account,
    place_hold,
    purchase,
    redeem,
    refund,
    release,
    transfer,
    unmerge,
)
from tests.database.functions.forgery import TIERED, Arguments, Gate
from tests.servers import TestDatabase
from tests.varied_books import create_program, post

CLUB = "club"

LIFE: tuple[Command, ...] = (
    place_hold(20, "new-a", account_id="a", order_id="H-1", key="life-hold"),
    capture("held-a", 12, account_id="a", key="life-capture"),
    release("held-b", account_id="b", key="life-release"),
    transfer(5, "b", account_id="a", transfer_id="transfer", key="life-transfer"),
    attach(claim("3333", identifier_id="new-card"), account_id="c", key="life-attach"),
    merge("d", account_id="c", transfer_id="merge", key="life-merge"),
    unmerge("g", account_id="f", transfer_id="unmerge", key="life-unmerge"),
    refund("P-e", "10.00", account_id="e", chain=("h",), key="life-refund"),
    earn(3, account_id="b", key="life-earn"),
)
"""a: hold, release and redeem of a capture, transfer_out. b: release, transfer_in, earn. c and d: merge_out, merge_in.
f and g: merge_in, merge_out, of a merge undone. h: reverse_earn of an entry of e, which was merged into it."""


async def prepare_life(where: TestDatabase) -> None:
    """The books that `LIFE` is decided on, in the program `club`."""
    async with Database.open(where.service_url) as database:
        journal = PostgresJournal(database)
        await create_program(database, "demo")
        program_id = await create_program(database, CLUB, TIERED)
        await post(
            journal,
            program_id,
            earn(100, account_id="a", order_id="A-1"),
            redeem(10, account_id="a", order_id="R-1"),
            place_hold(30, "held-a", account_id="a"),
            place_hold(1, "closed-a", account_id="a"),
            earn(50, account_id="b"),
            place_hold(10, "held-b", account_id="b"),
            earn(40, account_id="c"),
            attach(claim("1111", identifier_id="card-c"), account_id="c"),
            place_hold(5, "held-c", account_id="c"),
            earn(7, account_id="d"),
            attach(claim("2222", identifier_id="card-d"), account_id="d"),
            earn(purchase=purchase("60.00"), order_id="P-e", account_id="e"),
            earn(9, account_id="h"),
            earn(15, account_id="f"),
            place_hold(2, "held-f", account_id="f"),
            earn(20, account_id="g"),
            open_account("idle"),
        )
        await post(
            journal,
            program_id,
            release("closed-a", account_id="a"),
            merge("g", account_id="f", transfer_id="merge-before"),
            merge("h", account_id="e"),
        )


async def life(gate: Gate) -> Arguments:
    """What the core calls the gate with for `LIFE`."""
    return await gate.arguments_of(decide(await gate.journal.load_batch(gate.program_id, LIFE), LIFE))
