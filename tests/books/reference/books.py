"""The books, naively: one command after the other, no batches, nothing remembered but what was said.

A second implementation of the rules of the books, for one program. It shares the values of settings and commands with
the first one and none of its rules: dates, purchases, tiers and points are in the modules beside this one.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    Merge,
    OpenAccount,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    SetTier,
    Settle,
    Together,
    Transfer,
    Unmerge,
)
from ledger_service.ledger.program import ProgramSettings
from tests.books.reference import moves, orders, points
from tests.books.reference.account import Account, Held, Line
from tests.books.reference.no import No
from tests.books.reference.tiers import Ranking

Answer = tuple[Any, ...]
"""("posted", entry), ("several", entries), ("refused", code, numbers), ("repeated", account_id, seq), ("answered",),
("together", answers) or ("replayed", answer). An entry is (account_id, seq, kind, points, balance, available, held,
written off)."""

NOT_KEPT = {
    "account_not_found",
    "entry_not_found",
    "hold_not_found",
    "order_not_found",
    "not_found",
    "validation_failed",
    "idempotency_key_reused",
}


@dataclass
class Reference:
    settings: ProgramSettings
    accounts: dict[str, Account] = field(default_factory=dict)
    known: dict[str, tuple[bytes, Answer]] = field(default_factory=dict)
    orders: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    """By source, kind and order_id: the account and the seq of its entry."""
    holds: dict[str, Held] = field(default_factory=dict)
    identifiers: dict[tuple[str, bytes], tuple[str, str]] = field(default_factory=dict)
    merges: dict[str, moves.Merged] = field(default_factory=dict)
    """By the account that was merged: what moved, while that can be undone."""

    def configure(self, settings: ProgramSettings) -> None:
        self.settings = settings
        for account in self.accounts.values():
            account.settings = account.ranking.settings = settings

    def answer(self, command: Command, now: datetime) -> Answer:
        if command.key in self.known:
            fingerprint, first = self.known[command.key]
            if fingerprint != command.fingerprint:
                return ("refused", "idempotency_key_reused")
            if first[0] == "together":
                assert isinstance(command, Together)
                first = ("together", tuple(self.answer(single, now) for single in command.commands))
            return ("replayed", first)
        answer = self._together(command, now) if isinstance(command, Together) else self._single(command, now)
        if command.key is not None and not (answer[0] == "refused" and answer[1] in NOT_KEPT):
            self.known[command.key] = (command.fingerprint, answer)
        return answer

    def _together(self, bulk: Together, now: datetime) -> Answer:
        # Pickled, since it is seldom wanted back: a `deepcopy` takes ten times as long.
        before, answers = pickle.dumps(vars(self)), []
        for command in bulk.commands:
            answer = self.answer(command, now)
            said = answer[1] if answer[0] == "replayed" else answer
            if said[0] == "refused":
                vars(self).update(pickle.loads(before))
                return said if said[1] in NOT_KEPT else ("refused", "bulk_aborted")
            answers.append(answer)
        return ("together", tuple(answers))

    def _single(self, command: Command, now: datetime) -> Answer:
        opened = None
        try:
            if isinstance(command, OpenAccount):
                return self._open(command, now)
            if isinstance(command, Earn) and self.settings.auto_open and command.account_id not in self.accounts:
                opened = command.account_id
                self.accounts[opened] = Account(self.settings, Ranking(self.settings, now))
            verb = VERBS.get(type(command))
            return self._membership(command, now) if verb is None else verb(self, command, now)
        except No as no:
            if opened is not None:
                del self.accounts[opened]
            return ("refused", no.code, *no.numbers)

    # What the verbs ask for

    def account(self, account_id: str, now: datetime) -> Account:
        """The account as it is now, its due work done."""
        account = self.accounts.get(account_id)
        if account is None:
            raise No("account_not_found")
        if account.status == "merged":
            raise No("account_merged", account.merged_into)
        account.tick(now)
        return account

    def last(self, account_id: str, now: datetime) -> tuple[str, Account]:
        """The account that this one, or the one it was merged into, lives on in."""
        while (into := self.accounts[account_id].merged_into) is not None:
            account_id = into
        return account_id, self.account(account_id, now)

    def posted(self, account_id: str, line: Line) -> Answer:
        return ("posted", self.entry(account_id, line))

    def entry(self, account_id: str, line: Line) -> tuple[Any, ...]:
        seq = next(place for place, one in enumerate(self.accounts[account_id].lines, start=1) if one is line)
        return (account_id, seq, line.kind, line.points, line.balance, line.available, line.held, line.written_off)

    # Membership

    def _open(self, command: OpenAccount, now: datetime) -> Answer:
        if command.account_id in self.accounts:
            raise No("account_exists")
        if any((claim.type, claim.digest) in self.identifiers for claim in command.identifiers):
            raise No("identifier_in_use")
        self.accounts[command.account_id] = Account(self.settings, Ranking(self.settings, now))
        for claim in command.identifiers:
            self.identifiers.setdefault((claim.type, claim.digest), (command.account_id, claim.identifier_id))
        return ("answered",)

    def _membership(self, command: Command, now: datetime) -> Answer:
        account = self.account(command.account_id, now)
        match command:
            case SetStatus():
                account.status = command.status
            case AttachIdentifier():
                claim = command.identifier
                held = self.identifiers.setdefault(
                    (claim.type, claim.digest), (command.account_id, claim.identifier_id)
                )
                if held[0] != command.account_id:
                    raise No("identifier_in_use")
            case RevokeIdentifier():
                if (command.account_id, command.identifier_id) not in self.identifiers.values():
                    raise No("not_found")
                self.identifiers = {
                    key: held for key, held in self.identifiers.items() if held[1] != command.identifier_id
                }
            case _:
                assert isinstance(command, Settle)
        return ("answered",)


VERBS: dict[type[Command], Callable[[Reference, Any, datetime], Answer]] = {
    Earn: points.earn,
    Redeem: points.redeem,
    Adjust: points.adjust,
    Reverse: orders.reverse,
    Refund: orders.refund,
    ConfirmOrder: orders.confirm,
    CancelOrder: orders.cancel,
    PlaceHold: points.place_hold,
    Capture: points.capture,
    Release: points.release,
    Transfer: moves.transfer,
    Merge: moves.merge,
    Unmerge: moves.unmerge,
    SetTier: moves.set_tier,
}
