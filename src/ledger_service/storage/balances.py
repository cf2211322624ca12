"""Balances: what accounts have now, asked by many callers at once and found in one statement.

While one question is on its way all new ones gather, as commands do in the queue of the poster: alone, a balance waits
for nobody; under load one statement answers hundreds.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger_service import metrics
from ledger_service.errors import Failure, Overloaded
from ledger_service.ledger.lots import NEVER, Lot, pending
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.settling import settled
from ledger_service.ledger.states import AccountState
from ledger_service.ledger.tiers import progress
from ledger_service.storage.again import asked_again
from ledger_service.storage.database import Database, Source, read_failures
from ledger_service.storage.whole_accounts import Found, WholeAccounts, lots_of_account, whole, whole_account_of

QUESTIONS_AT_ONCE: Final = 2
"""Statements on their way at the same time: one that the database works on, one whose answer is read here."""
ACCOUNTS_MAX: Final = 256
"""In one statement."""
WAITING_MAX: Final = 4096
"""Balances asked for that wait for their statement. More is a queue in which nobody would be answered in time."""

_shed = metrics.SHED.labels("queue_full", "balance")

# The days of an account that count for its tier; behind a lateral of its own, since the clock is volatile: compared
# with it directly, all days would be read.
FIND = f"""
SELECT w.place, p.version AS settings_version, coalesce(p.clock, clock_timestamp()) AS now,
    {whole("a.account_id", "w.with_days", "s.since", "a.program_id")}
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::boolean[]) AS w (place, program_id, account_id, with_days)
JOIN ledger.program AS p ON p.program_id = w.program_id
CROSS JOIN LATERAL (
    SELECT (coalesce(p.clock, clock_timestamp()) - interval '37 months')::date AS since OFFSET 0
) AS s
CROSS JOIN LATERAL (
    SELECT * FROM ledger.account AS one
    WHERE one.program_id = w.program_id AND one.account_id = w.account_id
    OFFSET 0
) AS a
{lots_of_account("a.program_id")}
"""


@dataclass(frozen=True, slots=True)
class BalanceView:
    """An account's points at an instant. balance = available + pending + held."""

    account_id: str
    seq: int
    """The last entry that is in it."""
    newest_seq: int
    """The last entry that is in the books."""
    balance: int
    available: int
    """Below 0 while there is debt."""
    pending: int
    held: int
    as_of: datetime
    tier: dict[str, Any] | None
    """`ledger.tiers.progress`; None in programs without tiers, and before the account was opened."""
    next_expiry: tuple[datetime, int] | None
    """The next instant at which points expire, and how many."""
    source: Source
    """A replica answers while no primary does, and may be a moment behind: `newest_seq` tells."""


@dataclass(slots=True, eq=False)
class Question:
    """Somebody asks for a balance."""

    program_id: int
    account_id: str
    answer: asyncio.Future[BalanceView | None]


class Balances:
    """Answers what accounts have now."""

    def __init__(self, database: Database, accounts: WholeAccounts) -> None:
        self._database = database
        self._whole = accounts
        self._waiting: list[Question] = []
        self._asking = 0
        """Tasks that look again for questions before they end."""
        self._tasks: set[asyncio.Task[None]] = set()
        """The loop itself holds its tasks only weakly."""

    def ask(self, program_id: int, account_id: str) -> asyncio.Future[BalanceView | None]:
        """The balance of an account, None when it is not in the books. The future raises Overloaded and
        DatabaseUnavailable. Raises Overloaded at once when too many wait."""
        if len(self._waiting) >= WAITING_MAX:
            _shed.inc()
            raise Overloaded(f"{WAITING_MAX} balances are being asked for")
        loop = asyncio.get_running_loop()
        question = Question(program_id, account_id, loop.create_future())
        self._waiting.append(question)
        if self._asking < QUESTIONS_AT_ONCE:
            # It begins when the event loop comes round: whoever asks until then comes along.
            self._asking += 1
            task = loop.create_task(self._ask_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return question.answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                questions, self._waiting = self._waiting[:ACCOUNTS_MAX], self._waiting[ACCOUNTS_MAX:]
                questions = [question for question in questions if not question.answer.done()]
                if questions:
                    await self._answer(questions)
        finally:
            # In the same breath as the last look, not once the task has ended: whoever asked in between would wait for
            # a look that never comes.
            self._asking -= 1

    async def _answer(self, questions: Sequence[Question]) -> None:
        try:
            found = await self._find(questions)
        except Exception as error:
            if len(questions) > 1 and not isinstance(error, Failure):
                # A bug that one account runs into is its caller's alone.
                for question in questions:
                    await self._answer([question])
                return
            for question in questions:
                if not question.answer.done():
                    question.answer.set_exception(error)
                    question.answer.exception()  # whoever asked may have gone
        else:
            for question, view in zip(questions, found, strict=True):
                if not question.answer.done():
                    question.answer.set_result(view)

    @asked_again
    async def _find(self, questions: Sequence[Question]) -> list[BalanceView | None]:
        views: list[BalanceView | None] = [None] * len(questions)
        async with self._database.reader() as connection:
            with read_failures():
                places = list(range(len(questions)))
                while places:
                    asked = [questions[place] for place in places]
                    with_days = [self._whole.needs_days(one.program_id) for one in asked]
                    rows = await connection.fetch(
                        FIND, places, [one.program_id for one in asked], [one.account_id for one in asked], with_days
                    )
                    had_days = dict(zip(places, with_days, strict=True))
                    places = []
                    source = self._database.source_of(connection)
                    for row in rows:
                        place = row["place"]
                        program_id = questions[place].program_id
                        settings = await self._whole.settings(connection, program_id, row["settings_version"])
                        if self._whole.note_days(program_id, settings) and not had_days[place]:
                            places.append(place)
                            continue
                        now = row["now"]
                        found = Found(whole_account_of(row), settings, now)
                        views[place] = balance_view(settled_at(found.account, settings, now), found, now, source)
        return views


def settled_at(account: AccountState, settings: ProgramSettings, at: datetime) -> AccountState:
    """The account with its due work done."""
    due_at = account.next_due_at
    return account if due_at is None or due_at > at else settled(account, settings, at)


def balance_view(account: AccountState, found: Found, at: datetime, source: Source) -> BalanceView:
    """What a settled account has at an instant."""
    created_at = found.account.created_at
    is_open = created_at is None or created_at <= at
    return BalanceView(
        account_id=account.account_id,
        seq=account.seq,
        newest_seq=found.account.seq,
        balance=account.balance,
        available=account.available(at),
        pending=pending(account.lots, at),
        held=account.held,
        as_of=at,
        tier=progress(found.settings, account, at) if is_open else None,
        next_expiry=_next_expiry(account.lots),
        source=source,
    )


def _next_expiry(live: tuple[Lot, ...]) -> tuple[datetime, int] | None:
    if not live or live[0].expires_at == NEVER:
        return None
    at = live[0].expires_at
    return at, sum(lot.remaining for lot in live if lot.expires_at == at)
