"""A till: commands one after the other on books in memory, and what an account has, in plain numbers."""

from datetime import datetime, timedelta
from typing import Any

from ledger_service.ledger.commands import Command
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import NEVER, pending
from ledger_service.ledger.outcomes import Outcome, Replayed
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import Refusal
from ledger_service.ledger.states import AccountState
from tests.books.memory import Books, entries_of
from tests.builders import ACCOUNT, NOON, open_account, refusal_of, settle_due


class Till:
    """A program with these settings, at NOON (3 December 2026, UTC), with two members: `m-1` and `m-2`."""

    def __init__(self, now: datetime = NOON, **settings: Any) -> None:
        self.books = Books(ProgramSettings.of(1, settings))
        self.now = now
        self.ask(open_account())
        self.ask(open_account("m-2"))

    def ask(self, command: Command) -> Outcome:
        (outcome,) = self.books.post([command], self.now)
        return outcome

    def post(self, command: Command) -> Entry:
        """The entry that the command makes; the last one when it makes several."""
        return self.posted(command)[-1]

    def posted(self, command: Command) -> list[Entry]:
        outcome = self.ask(command)
        entries = entries_of([outcome])
        assert entries, f"not posted: {outcome}"
        return entries

    def refuse(self, command: Command) -> Refusal:
        return refusal_of(self.ask(command))

    def replays(self, command: Command) -> bool:
        return isinstance(self.ask(command), Replayed)

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def wait_until(self, now: datetime) -> None:
        assert now >= self.now
        self.now = now

    def configure(self, **settings: Any) -> None:
        self.books.configure(ProgramSettings.of(0, settings))

    def state(self, account_id: str = ACCOUNT) -> AccountState:
        """The account as it is now, all due work done."""
        if self.books.accounts[account_id].status != "merged":
            self.ask(settle_due(account_id=account_id))
        return self.books.accounts[account_id]

    def available(self, account_id: str = ACCOUNT) -> int:
        return self.state(account_id).available(self.now)

    def pending(self, account_id: str = ACCOUNT) -> int:
        return pending(self.state(account_id).lots, self.now)

    def balance(self, account_id: str = ACCOUNT) -> int:
        return self.state(account_id).balance

    def kinds(self, account_id: str = ACCOUNT) -> list[tuple[str, int]]:
        """All entries of the account: what they are, and their points."""
        return [(entry.kind, entry.points) for entry in self.books.entries[account_id]]

    def expiries(self, account_id: str = ACCOUNT) -> dict[str, int]:
        """Open points by the instant at which they are gone."""
        expiries: dict[str, int] = {}
        for lot in self.state(account_id).lots:
            name = "never" if lot.expires_at == NEVER else lot.expires_at.isoformat().removesuffix("+00:00")
            expiries[name] = expiries.get(name, 0) + lot.remaining
        return expiries

    def tier(self, account_id: str = ACCOUNT) -> str | None:
        tier = self.state(account_id).standing.tier
        return None if tier is None else tier.level
