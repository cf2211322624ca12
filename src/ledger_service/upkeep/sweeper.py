"""The sweeper: posts the due work of accounts that nobody touches. Balances are right without it, books complete with.

Due work takes effect at its instant, whoever does it and when: a command that comes by, or this. It is optimistic like
every command, so any number of sweepers may run; they divide the programs among themselves to spare each other work.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from ledger_service.errors import DatabaseUnavailable, Failure, ShuttingDown
from ledger_service.ledger.commands import Settle
from ledger_service.ledger.entries import UPKEEP_SOURCE
from ledger_service.ledger.lots import ALWAYS
from ledger_service.ledger.outcomes import Refused
from ledger_service.metrics import DUE_ACCOUNTS, DUE_OLDEST_AGE, SETTLED
from ledger_service.posting.poster import Poster
from ledger_service.storage.due import Due, DueAccount, DueProgram

PAGE_SIZE = 1000
SETTLES_AT_ONCE = 64
"""Commands of a sweep that are under way at one time: a batch of a fair size, and a small part of the queue, so that
tills do not wait behind a sweep."""

DEADLINE_SECONDS = 10.0

log = logging.getLogger(__name__)

_settled = SETTLED.labels("settled")
_failed = SETTLED.labels("failed")

Told = Callable[[int], None]
"""Hears of every so many accounts that were dealt with."""


def nobody(_: int) -> None:
    """Nobody wants to hear of it."""


@dataclass(slots=True)
class Swept:
    """What a sweep came to."""

    found: int = 0
    """Accounts with due work when it began."""
    settled: int = 0
    """Accounts whose due work is done."""
    failed: int = 0
    """Accounts that are left for the next sweep."""
    failure: Exception | None = None
    """Of the first of them."""


@dataclass(slots=True)
class _Progress:
    """How far the sweep of one program has come."""

    program: DueProgram
    since: datetime = ALWAYS
    tried: frozenset[str] = frozenset()
    """Accounts of the last page: those that show again could not be settled, or never would."""

    def fresh(self, page: Sequence[DueAccount]) -> list[str]:
        """The accounts of a page that were not on the one before."""
        return [account.account_id for account in page if account.account_id not in self.tried]

    def advance(self, page: Sequence[DueAccount]) -> None:
        self.since = page[-1].due_at
        self.tried = frozenset(account.account_id for account in page)


class Sweeper:
    """Finds accounts with due work and has the poster settle them."""

    def __init__(self, due: Due, poster: Poster, page_size: int = PAGE_SIZE) -> None:
        self._due = due
        self._poster = poster
        self._page_size = page_size

    async def run(self, interval_seconds: float, told: Callable[[Swept], None] = lambda swept: None) -> None:
        """Sweep for ever. What fails is told, and tried again the next time."""
        # Instances that were started together shall not go on together.
        await asyncio.sleep(random.uniform(0, min(interval_seconds, 1)))  # noqa: S311 - spreads, protects nothing
        while True:
            try:
                told(await self.sweep())
            except Failure as failure:
                log.warning("a sweep ended early: %s", failure)
            except Exception:
                log.exception("a sweep failed")
            await asyncio.sleep(interval_seconds * random.uniform(0.9, 1.1))  # noqa: S311

    @asynccontextmanager
    async def sweeping(self, interval_seconds: float | None) -> AsyncIterator[None]:
        """Sweep meanwhile, if there is an interval."""
        if interval_seconds is None:
            yield
            return
        sweeps = asyncio.create_task(self.run(interval_seconds))
        try:
            yield
        finally:
            sweeps.cancel()
            await asyncio.wait({sweeps})

    async def sweep(self, begun: Told = nobody, advance: Told = nobody) -> Swept:
        """One round through all programs, a page of each in turn. `begun` hears how many accounts have due work.

        Raises DatabaseUnavailable, ShuttingDown: the rest is left for the next round."""
        programs = await self._due.survey()
        _show(programs)
        swept = Swept(found=sum(program.accounts_total for program in programs))
        begun(swept.found)
        turns = deque(_Progress(program) for program in programs)
        while turns:
            progress = turns.popleft()
            async with self._due.claim(progress.program.program_id) as is_ours:
                has_more = is_ours and await self._sweep_page(progress, swept, advance)
            if has_more:
                turns.append(progress)
        _show(await self._due.survey())
        return swept

    async def settle_program(self, program_id: int) -> int:
        """Do all due work of one program; answers for how many accounts. Raises the first failure, if there was one."""
        swept = Swept()
        for program in await self._due.survey(program_id):
            progress = _Progress(program)
            while await self._sweep_page(progress, swept, nobody):
                pass
        if swept.failure is not None:
            raise swept.failure
        return swept.settled

    async def _sweep_page(self, progress: _Progress, swept: Swept, advance: Told) -> bool:
        """Settle the next accounts of a program. Answers whether there may be more."""
        program = progress.program
        page = await self._due.page(program.program_id, program.now, progress.since, self._page_size)
        fresh = progress.fresh(page)
        if not fresh:
            return False
        await self._settle(program.program_id, iter(fresh), swept, advance)
        progress.advance(page)
        return len(page) == self._page_size

    async def _settle(self, program_id: int, accounts: Iterator[str], swept: Swept, advance: Told) -> None:
        """Settle these accounts, some at a time. Raises DatabaseUnavailable, ShuttingDown: no use in going on."""
        ended: list[Failure] = []

        async def settle_some() -> None:
            for account_id in accounts:
                try:
                    await self._settle_one(program_id, account_id)
                except (DatabaseUnavailable, ShuttingDown) as failure:
                    ended.append(failure)
                except Exception as failure:
                    # One account must not keep the others from being settled, whatever is wrong with it.
                    if not isinstance(failure, Failure):
                        log.exception("an account of program %d cannot be settled", program_id)
                    _failed.inc()
                    swept.failed += 1
                    swept.failure = swept.failure or failure
                else:
                    _settled.inc()
                    swept.settled += 1
                if ended:
                    return
                advance(1)

        async with asyncio.TaskGroup() as group:
            for _ in range(SETTLES_AT_ONCE):
                group.create_task(settle_some())
        if ended:
            raise ended[0]

    async def _settle_one(self, program_id: int, account_id: str) -> None:
        deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        outcome = await self._poster.post(program_id, settle(account_id), deadline)
        if isinstance(outcome, Refused):
            raise Failure(f"settling was refused: {outcome.refusal.code}")


def settle(account_id: str) -> Settle:
    """The command that does an account's due work. It has no key: done twice, the second one finds nothing to do."""
    return Settle(account_id=account_id, source=UPKEEP_SOURCE, key=None, fingerprint=bytes(16), request_id="upkeep")


def _show(programs: Sequence[DueProgram]) -> None:
    DUE_ACCOUNTS.set(sum(program.accounts_total for program in programs))
    ages = [(program.now - program.oldest_due_at).total_seconds() for program in programs]
    DUE_OLDEST_AGE.set(max(ages, default=0))
