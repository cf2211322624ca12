"""The books, naively: one command after the other, no batches. The points themselves are in `model_account.py`."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    Command,
    Earn,
    OpenAccount,
    Redeem,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    Together,
)
from ledger_service.ledger.program import ProgramSettings
from tests.books.model_account import Account, Line

Answer = tuple[Any, ...]
"""("posted", seq, kind, points, balance, available, written_off), ("refused", code), ("repeated", seq),
("answered",), ("together", answers) or ("replayed", answer)."""

NOT_KEPT = {"account_not_found", "entry_not_found", "not_found", "validation_failed", "idempotency_key_reused"}


@dataclass
class Model:
    settings: ProgramSettings
    accounts: dict[str, Account] = field(default_factory=dict)
    known: dict[str, tuple[bytes, Answer]] = field(default_factory=dict)
    orders: dict[tuple[str, str, str], tuple[str, int, int]] = field(default_factory=dict)
    identifiers: dict[tuple[str, bytes], tuple[str, str]] = field(default_factory=dict)

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
        before, answers = deepcopy(vars(self)), []
        for command in bulk.commands:
            answer = self.answer(command, now)
            said = answer[1] if answer[0] == "replayed" else answer
            if said[0] == "refused":
                vars(self).update(before)
                return ("refused", said[1] if said[1] in NOT_KEPT else "bulk_aborted")
            answers.append(answer)
        return ("together", tuple(answers))

    def _single(self, command: Command, now: datetime) -> Answer:
        account = self.accounts.get(command.account_id)
        if isinstance(command, OpenAccount):
            return self._open(command, account)
        opened = account is None and isinstance(command, Earn) and self.settings.auto_open
        if opened:
            account = self.accounts[command.account_id] = Account(self.settings)
        if account is None:
            return ("refused", "account_not_found")
        account.expire(now)
        answer = self._posting(account, command, now) or self._membership(account, command)
        if opened and answer[0] == "refused":
            del self.accounts[command.account_id]
        return answer

    def _posting(self, account: Account, command: Command, now: datetime) -> Answer | None:
        line: Line | str
        if isinstance(command, Earn | Redeem) and command.order_id is not None:
            order = (command.source, type(command).__name__, command.order_id)
            if order in self.orders:
                account_id, seq, points = self.orders[order]
                same = (account_id, points) == (command.account_id, command.points)
                return ("repeated", seq) if same else ("refused", "duplicate_order")
        match command:
            case Earn():
                line = account.earn(command, now)
            case Redeem():
                line = account.redeem(command, now)
            case Adjust():
                line = account.adjust(command, now)
            case Reverse():
                line = account.reverse(command, now)
            case _:
                return None
        if isinstance(line, str):
            return ("refused", line)
        account.lines.append(line)
        seq, balance = len(account.lines), len(account.points) - account.debt
        if isinstance(command, Earn | Redeem) and command.order_id is not None:
            self.orders[command.source, type(command).__name__, command.order_id] = (
                command.account_id,
                seq,
                command.points,
            )
        available = len(account.usable(now)) - account.debt
        account.expire(now)  # what came back too late
        return ("posted", seq, line.kind, line.points, balance, available, line.written_off)

    def _open(self, command: OpenAccount, account: Account | None) -> Answer:
        if account is not None:
            return ("refused", "account_exists")
        if any((claim.type, claim.digest) in self.identifiers for claim in command.identifiers):
            return ("refused", "identifier_in_use")
        self.accounts[command.account_id] = Account(self.settings)
        for claim in command.identifiers:
            self.identifiers.setdefault((claim.type, claim.digest), (command.account_id, claim.identifier_id))
        return ("answered",)

    def _membership(self, account: Account, command: Command) -> Answer:
        match command:
            case SetStatus():
                account.status = command.status
            case AttachIdentifier():
                claim = command.identifier
                held = self.identifiers.setdefault(
                    (claim.type, claim.digest), (command.account_id, claim.identifier_id)
                )
                if held[0] != command.account_id:
                    return ("refused", "identifier_in_use")
            case RevokeIdentifier():
                if (command.account_id, command.identifier_id) not in self.identifiers.values():
                    return ("refused", "not_found")
                self.identifiers = {
                    key: held for key, held in self.identifiers.items() if held[1] != command.identifier_id
                }
            case _:
                pass  # Settle: the due work was done already
        return ("answered",)
