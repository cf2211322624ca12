"""The naive model against the fold and against the service over HTTP: any histories of programs without tiers,
campaigns and further rules (points.md, section 12, law 7)."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import (
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    PlaceHold,
    Redeem,
    Refund,
    Release,
)
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.policies import Available, Expiry, RestoreExpired
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.rules import Rule
from tests.api.shop import Shop, opening_shop
from tests.books.answers import answer_of
from tests.books.commands import (
    Batch,
    about_orders,
    held,
    histories,
    named_again,
    postings,
    transfers,
    weighted,
)
from tests.books.memory import Books
from tests.books.naive import Account, Entry, NaiveBooks
from tests.books.programs import clawbacks
from tests.books.requests import Read
from tests.books.service import KNOWS_NUMBERS, ask_for, asked_over_http
from tests.books.test_service_against_model import asker, law, new_program
from tests.builders import NOON, merge, open_account, settle_due
from tests.servers import TestDatabase
from tests.verified import assert_verifies

LAW = settings.get_profile("books")
HISTORIES_OVER_HTTP = int(os.environ.get("LEDGER_EXAMPLES", "15"))

programs = st.builds(
    ProgramSettings,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago"]).map(ZoneInfo),
    rules=st.sampled_from(
        [
            (),
            (Rule("base", "spend", 1, per=Decimal("1.00")),),
            (Rule("base", "spend", 2, per=Decimal("1.50")),),
            (Rule("steps", "spend", 10, per=Decimal("5.00"), whole_steps=True),),
        ]
    ),
    expiry=st.sampled_from(
        [
            Expiry(),
            Expiry("after", days=1),
            Expiry("after", days=3),
            Expiry("after", months=1),
            Expiry("after", months=12),
        ]
    ),
    available=st.sampled_from(
        [
            *[Available()] * 4,
            Available("after", days=1),
            Available("after", days=14),
            Available("after", months=1),
            *[Available("on_event")] * 2,
        ]
    ),
    clawback=clawbacks,
    restore_expired=st.sampled_from([RestoreExpired(), RestoreExpired("grace", 1), RestoreExpired("grace", 2)]),
)
"""What the naive model knows."""

merges = st.sampled_from([("a", "b"), ("b", "a"), ("a", "c")]).map(lambda pair: merge(pair[1], account_id=pair[0]))
commands = weighted(
    (postings, 12),
    (held, 6),
    (about_orders, 5),
    (transfers, 2),
    (merges, 1),
    (st.builds(open_account, st.just("c")), 1),
)


def plain(command: Command) -> Command:
    """The command without what the naive model leaves out: lines, the channel, and an earlier day."""
    match command:
        case Earn(purchase=Purchase() as bought):
            bought = Purchase(bought.amount, "EUR", redeemed_value=bought.redeemed_value)
            command = replace(command, purchase=bought, occurred_at=None)
        case Earn() | Redeem():
            command = replace(command, occurred_at=None)
        case Refund(lines=(_, *_)):
            command = replace(command, lines=(), amount=Decimal("2.50"))
        case _:
            return command
    return named_again(command)


plain_histories = histories(commands).map(
    lambda history: [(now, [plain(command) for command in batch]) for now, batch in history]
)


def row(entry: Entry) -> tuple[Any, ...]:
    return (entry.account_id, entry.seq, entry.kind, entry.points, *entry.numbers)


KEY_STAYS_FREE = {"account_not_found", "entry_not_found", "hold_not_found", "order_not_found", "validation_failed"}


class Keys(dict[str, tuple[bytes, tuple[Any, ...]]]):
    """By key: what was asked, and the first answer. Not a matter of points, so the naive model knows nothing of it."""

    def answer(self, naive: NaiveBooks, command: Command, now: datetime) -> tuple[Any, ...]:
        if command.key in self:
            fingerprint, first = self[command.key]
            return ("replayed", first) if fingerprint == command.fingerprint else ("refused", "idempotency_key_reused")
        answer = told(naive.answer(command, now))
        if KEY_STAYS_FREE.isdisjoint(answer):
            self[command.key] = (command.fingerprint, answer)
        return answer


def told(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the naive model answers, in words that can be compared."""
    match answer:
        case ("repeated", entry):
            return ("repeated", entry.account_id, entry.seq)
        case ("posted", *entries):
            return ("posted", *map(row, entries))
    return answer


def in_one_word(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the fold or the service answers: no entry, one, and several are all the same to the naive model."""
    match answer:
        case ("replayed", first):
            return ("replayed", in_one_word(first))
        case ("several", entries):
            return ("posted", *entries)
        case ("answered",):
            return ("posted",)
    return answer


@LAW
@given(programs, plain_histories)
def test_law_7_the_fold_answers_as_a_list_of_points_does(program: ProgramSettings, history: list[Batch]):
    books, naive, keys = Books(program), NaiveBooks(program), Keys()
    for now, batch in history:
        for command, outcome in zip(batch, books.post(batch, now), strict=True):
            assert in_one_word(answer_of(outcome)) == keys.answer(naive, command, now), command
    assert books.accounts.keys() == naive.accounts.keys()
    for account_id, account in naive.accounts.items():
        books.post([settle_due(account_id=account_id)], now)
        account.tick(now)
        compare_with_fold(books, account)


def compare_with_fold(books: Books, account: Account) -> None:
    """Everything that is stored of an account."""
    stored, entries = books.accounts[account.account_id], books.entries[account.account_id]
    assert [
        (entry.kind, entry.points, entry.balance_after, entry.available_after, entry.held_after, entry.written_off)
        for entry in entries
    ] == [(line.kind, line.points, *line.numbers) for line in account.lines]
    points = sorted((lot.expires_at, lot.available_at) for lot in stored.lots for _ in range(lot.remaining))
    assert points == sorted(account.points)
    assert (stored.debt, stored.held, stored.lifetime_points) == (account.debt, held_of(account), account.lifetime)
    assert stored.merged_into == (account.merged_into or None)
    assert {(hold.hold_id, hold.points, hold.expires_at) for hold in stored.holds} == {
        (hold.asked.hold_id, len(hold.taken), hold.until) for hold in account.holds
    }


@pytest.fixture
async def service(database: TestDatabase) -> AsyncIterator[Shop]:
    """The application in this process."""
    async with opening_shop(database.service_url) as shop:
        yield shop
    await assert_verifies(database.read_url)


@law(HISTORIES_OVER_HTTP)
@given(program=programs, history=plain_histories)
async def test_law_7_the_service_answers_over_http_as_a_list_of_points_does(
    service: Shop, program: ProgramSettings, history: list[Batch]
):
    operator = asker(service.client, (await service.key("operator")).token)
    ask, naive, holds, clock = (
        asker(service.client, await new_program(operator, program)),
        NaiveBooks(program),
        {},
        NOON,
    )
    keys = Keys()
    for now, batch in history:
        if now > clock:
            clock = now
            advanced = await ask(("POST", "/v1/test-clock/advance", {"to": rfc3339(now)}), None)
            assert advanced.status == 200, advanced
            for account in naive.accounts.values():
                account.tick(now)
        for command in map(asked_over_http, batch):
            expected = missing(naive, command) or seen_over_http(command, keys.answer(naive, command, now))
            assert in_one_word(await ask_for(command, ask, holds)) == expected, command
        for account in naive.accounts.values():
            available, pending, on_hold = account.available(now), len(account.pending(now)), held_of(account)
            numbers = (available + pending + on_hold, available, pending, on_hold)
            balance = await ask_for(Read(account.account_id), ask, holds)
            assert balance == ("read", account.account_id, len(account.lines), *numbers)
    for account in naive.accounts.values():
        entries = await ask(("GET", f"/v1/accounts/{account.account_id}/entries?limit=200", None), None)
        listed = [(entry["kind"], entry["points"]) for entry in reversed(entries.body["data"])]
        assert listed == [(line.kind, line.points) for line in account.lines]


def held_of(account: Account) -> int:
    return sum(len(hold.taken) for hold in account.holds)


def missing(naive: NaiveBooks, command: Command) -> tuple[str, str] | None:
    """Whose books a request is about is looked up before its key is."""
    match command:
        case Capture() | Release() if command.hold_id not in naive.holds:
            return ("refused", "hold_not_found")
        case Refund() | ConfirmOrder() | CancelOrder():
            is_known = any(naive.order(command, kind) for kind in ("earn", "redeem"))
            return None if is_known else ("refused", "order_not_found")
    return None


def seen_over_http(command: Command, answer: tuple[Any, ...]) -> tuple[Any, ...]:
    match answer:
        case ("replayed", ("repeated", *_) as repeated):
            return repeated  # HTTP says the same of both
        case ("replayed", first):
            return ("replayed", seen_over_http(command, first))
        case ("posted", (account_id, seq, *_)) if isinstance(command, PlaceHold):
            return ("held", account_id, seq)
        case ("refused", code, *_) if code not in KNOWS_NUMBERS:
            return ("refused", code)
    return answer
