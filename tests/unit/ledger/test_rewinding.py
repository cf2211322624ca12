"""Rewinding: an account as it was, from what it is and what was entered since."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.details import detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rewinding import Rewinding, effective_at
from ledger_service.ledger.settling import settled
from ledger_service.ledger.standing import QualifyingDay, Standing, tier_of
from ledger_service.ledger.states import AccountState
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import DAY, INSTANT, NOON, account_state, earn, entry, redeem

LAW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def whole(books: Books, account_id: str) -> AccountState:
    return replace(books.accounts[account_id], days=tuple(sorted(books.days[account_id].values())))


def account_at(books: Books, account_id: str, at: datetime) -> AccountState:
    """What the account had at an instant, by going back from what it has now."""
    rewinding, last = Rewinding(whole(books, account_id)), None
    for one in reversed(books.entries[account_id]):
        if effective_at(one) <= at:
            last = one
            break
        rewinding.undo(one)
    holds = [books.holds[hold_id].hold for hold_id in rewinding.hold_ids]
    standing = books.accounts[account_id].standing
    tier, floor = standing.tier, standing.floor
    if rewinding.tier_has_changed:
        tier, floor = tier_at(books.entries[account_id][: 0 if last is None else last.seq])
    return settled(rewinding.account(last, holds, tier, floor), books.program.settings, at)


def tier_at(entries: Iterable[Entry]):
    changes = [detail_of(one) for one in entries if "tier" in detail_of(one)]
    return tier_of(changes[-1]) if changes else (None, None)


def seen(account: AccountState):
    """What callers are told of it, but for its seq: due work that was only counted as done then has an entry now."""
    standing = account.standing
    return replace(
        account,
        version=0,
        seq=0,
        head_hash=b"",
        status="active",
        merged_into=None,
        standing=Standing(standing.spend, standing.visits, standing.tier, standing.floor),
        days=tuple(day for day in account.days if day != QualifyingDay(day.day)),
    )


@LAW
@given(programs, histories(), st.data())
def test_an_account_in_the_past_is_what_it_was_answered_to_be_then(
    program: ProgramSettings, history: list[Batch], data: st.DataObject
):
    books = Books(program)
    told: dict[tuple[str, datetime], AccountState] = {}
    for number, (now, commands) in enumerate(history):
        books.post(commands, now)
        until = history[number + 1][0] if number + 1 < len(history) else now + 100 * DAY
        between = data.draw(st.integers(0, 1_000)) * (until - now - INSTANT) / 1_000 if until > now else timedelta(0)
        for account_id in books.accounts:
            for at in (now, now + between):
                told[account_id, at] = settled(whole(books, account_id), program, at)
    for (account_id, at), account in told.items():
        assert seen(account_at(books, account_id, at)) == seen(account)


@LAW
@given(programs, histories())
def test_entries_of_an_account_count_from_instants_that_never_run_backwards(
    program: ProgramSettings, history: list[Batch]
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    for entries in books.entries.values():
        instants = [effective_at(one) for one in entries]
        assert instants == sorted(instants)


def test_before_its_first_entry_an_account_has_nothing():
    books = Books(ProgramSettings(auto_open=True))
    books.post([earn(100), redeem(30)], NOON)
    account = account_at(books, "m-1", NOON - INSTANT)
    assert (account.seq, account.balance, account.lots, account.lifetime_points) == (0, 0, (), 0)
    assert seen(account_at(books, "m-1", NOON)) == seen(books.accounts["m-1"])


def test_due_work_counts_from_when_it_fell_due_all_else_from_when_it_was_recorded():
    assert effective_at(entry(key="sold", occurred_at=NOON - DAY, recorded_at=NOON)) == NOON
    assert effective_at(entry(kind="expire", key=None, occurred_at=NOON - DAY, recorded_at=NOON)) == NOON - DAY


def test_nothing_undone_is_the_account_itself_but_for_what_was_redeemed_that_day():
    account = account_state(seq=2, lifetime_points=0)
    last = entry(seq=2, points=0, balance_after=0, hash=account.head_hash)
    assert Rewinding(account).account(last, (), None, None) == replace(account, head_hash=last.hash)
