"""The laws of the books (points.md, section 12), the naive books among them: any commands at any times, any program."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from hypothesis import given, settings

from ledger_service.ledger.entries import UPKEEP_SOURCE
from ledger_service.ledger.lots import NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import QualifyingDay
from tests.books.answers import answer_of
from tests.books.commands import Batch, histories
from tests.books.laws import check_laws
from tests.books.memory import Books
from tests.books.programs import Revision, programs, revised, revisions
from tests.books.reference.account import Account
from tests.books.reference.books import Reference
from tests.books.reference.tiers import Ranking, days_of
from tests.builders import settle_due

LAW = settings.get_profile("books")
OFTEN = settings(LAW, max_examples=4 * LAW.max_examples)
"""Everything meets everything here, and little of it in one history."""


@OFTEN
@given(programs, histories(), revisions)
def test_laws_1_to_4_6_and_7_hold_and_every_answer_is_that_of_the_naive_books(
    program: ProgramSettings, history: list[Batch], revision: Revision
):
    books, reference = Books(program), Reference(program)
    for place, (now, commands) in enumerate(history):
        if revision is not None and revision[0] == place:
            books.configure(revised(program, revision))
            reference.configure(books.program.settings)
        outcomes = books.post(commands, now)
        for command, outcome in zip(commands, outcomes, strict=True):
            assert answer_of(outcome) == reference.answer(command, now), command
    # Whoever refuses may or may not have done due work on the way; now all of it is done.
    for account_id in sorted(books.accounts):
        command = settle_due(account_id=account_id)
        assert answer_of(books.post([command], now)[0]) == reference.answer(command, now)
    assert books.accounts.keys() == reference.accounts.keys()
    for account_id, account in reference.accounts.items():
        compare(books, account_id, account)
    check_laws(books)


def compare(books: Books, account_id: str, account: Account) -> None:
    """Everything that is stored of an account, with everything that the naive books know of it."""
    stored, standing = books.accounts[account_id], books.accounts[account_id].standing
    assert [
        (entry.kind, entry.points, entry.balance_after, entry.available_after, entry.held_after)
        for entry in books.entries[account_id]
    ] == [(line.kind, line.points, line.balance, line.available, line.held) for line in account.lines]
    for entry, line in zip(books.entries[account_id], account.lines, strict=True):
        if entry.source == UPKEEP_SOURCE:
            assert entry.occurred_at == line.at, "due work takes effect at its instant"
    points = sorted((lot.expires_at, lot.available_at) for lot in stored.lots for _ in range(lot.remaining))
    assert points == sorted(account.points)
    assert (stored.status, stored.merged_into) == (account.status, account.merged_into)
    ranking = account.ranking
    assert (stored.debt, stored.held, stored.lifetime_points) == (account.debt, account.held, ranking.lifetime)
    assert {hold.hold_id: (hold.points, hold.expires_at) for hold in stored.holds} == {
        hold.hold_id: (len(hold.points), hold.expires_at) for hold in account.holds
    }
    assert (standing.spend, standing.visits) == (ranking.spend, ranking.visits)
    assert tier_of(books, account_id) == told_tier(ranking)
    if books.program.settings.ladder is not None:
        assert counting(books.days[account_id].values()) == days_of(ranking.done)


def tier_of(books: Books, account_id: str) -> tuple[object, ...]:
    standing = books.accounts[account_id].standing
    tier, floor = standing.tier, standing.floor
    return (
        None if tier is None else (tier.level, tier.valid_until, tier.grace_until, tier.fallback),
        None if floor is None else (floor.level, floor.until),
    )


def told_tier(ranking: Ranking) -> tuple[object, ...]:
    reached, floor = ranking.reached, ranking.floor
    return (
        None
        if reached is None
        else (
            ranking.level_id(reached.place),
            shown(reached.valid_until),
            shown(reached.grace_until),
            ranking.level_id(reached.fallback),
        ),
        None if floor is None else (floor[0], shown(floor[1])),
    )


def shown(instant: datetime) -> datetime | None:
    return None if instant == NEVER else instant


def counting(days: Iterable[QualifyingDay]) -> dict[date, tuple[int, Decimal, int]]:
    return {day.day: (day.points, day.spend, day.visits) for day in days if day.points or day.spend or day.visits}
