"""Drafts: what the fold has decided so far, laid over what was loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger_service.ledger.holds import HoldFacts
from ledger_service.ledger.known import Known
from ledger_service.ledger.lots import ALWAYS
from ledger_service.ledger.merging import added
from ledger_service.ledger.postings import Posting, post
from ledger_service.ledger.proposals import AccountChange, DayChange, HoldClosing, KeyRecord, Move, Proposal
from ledger_service.ledger.refusals import AccountNotFound, MergedMeanwhile
from ledger_service.ledger.remaining import shares_of
from ledger_service.ledger.settling import settle
from ledger_service.ledger.states import AccountState, EntryFacts, Loaded

if TYPE_CHECKING:
    from datetime import datetime

    from ledger_service.ledger.commands import Command
    from ledger_service.ledger.entries import Entry
    from ledger_service.ledger.holds import Hold
    from ledger_service.ledger.membership import Attachment, Revocation
    from ledger_service.ledger.outcomes import First, Outcome
    from ledger_service.ledger.standing import QualifyingDay

NEW = AccountState(account_id="")
"""How an account that is not in the books was loaded: version 0, no entries."""


class Draft(Known):
    """The working paper of one fold. It never leaves `decide`: what leaves is the frozen proposal.

    A branch reads through to the draft it came from and changes nothing there until it is taken, so that commands
    that are written together or not at all leave no trace when one of them is refused.
    """

    __slots__ = ("closed", "days", "holds_moved", "placed", "touched")

    def __init__(self, loaded: Loaded, parent: Draft | None = None) -> None:
        super().__init__(loaded, parent)
        self.touched: set[str] = set()
        self.placed: list[Hold] = []
        self.closed: list[HoldClosing] = []
        self.holds_moved: list[Move] = []
        self.days: list[tuple[str, QualifyingDay]] = []

    def branch(self) -> Draft:
        return Draft(self.loaded, self)

    def take(self, branch: Draft) -> None:
        """Make what the branch decided part of this draft."""
        self.states.update(branch.states)
        self.touched.update(branch.touched)
        self.entries.extend(branch.entries)
        self.facts.update(branch.facts)
        self.orders.update(branch.orders)
        self.keys.update(branch.keys)
        self.attachments.extend(branch.attachments)
        self.revocations.extend(branch.revocations)
        self.identifiers_moved.extend(branch.identifiers_moved)
        self.holds.update(branch.holds)
        self.placed.extend(branch.placed)
        self.closed.extend(branch.closed)
        self.holds_moved.extend(branch.holds_moved)
        self.days.extend(branch.days)

    def settled(self, account_id: str) -> AccountState | None:
        """The account with its due work done; None when it is not in the books."""
        account = self.account(account_id)
        return None if account is None else self.settle(account)

    def survivor(self, account_id: str) -> AccountState | AccountNotFound | MergedMeanwhile:
        """The account in which this one's points are now, with its due work done."""
        account = self.account(account_id)
        if account is None:
            return AccountNotFound(account_id)
        while account.merged_into is not None:
            into = self.account(account.merged_into)
            if into is None:
                return MergedMeanwhile(account.merged_into)
            account = into
        return self.settle(account)

    def post(self, account: AccountState, posting: Posting) -> Entry:
        """Make the posting the account's next entry; points that came back too late expire in the same breath."""
        account, entry = post(account, posting, self.program, self.now)
        self.states[account.account_id] = account
        self.entries.append(entry)
        if entry.order_id is not None and entry.kind in ("earn", "redeem"):
            self.orders[entry.source, entry.kind, entry.order_id] = entry
        if entry.reverses_seq is not None:
            self._count_reversal(entry, posting)
        for change in posting.day_changes:
            self.days.append((account.account_id, change))
        if account.is_due(self.now):
            self.settle(account, not_before=self.now)
        return entry

    def _count_reversal(self, reversal: Entry, posting: Posting) -> None:
        assert reversal.reverses_seq is not None  # noqa: S101 - only reversals are counted
        facts = self.entry(posting.reverses_account or reversal.account_id, reversal.reverses_seq)
        if facts is None:
            return
        refund = posting.detail.get("refund")
        self.facts[facts.entry.account_id, facts.entry.seq] = EntryFacts(
            facts.entry,
            reversed_points=facts.reversed_points + abs(reversal.points) + reversal.written_off,
            shares=facts.shares if refund is None else shares_of(refund["shares"]),
            is_uncounted=facts.is_uncounted or (refund is not None and refund.get("uncounted", False)),
            confirmed_by=reversal if reversal.kind == "confirm" else facts.confirmed_by,
        )

    def settle(self, account: AccountState, not_before: datetime = ALWAYS) -> AccountState:
        """Do the account's due work, if there is any."""
        if not account.is_due(self.now):
            return account
        done = settle(account, self.program, self.now, not_before)
        if done.entries:
            self.states[account.account_id] = done.account
            self.entries.extend(done.entries)
            for closing in done.closings():
                self.close(closing)
        return done.account

    def write(self, account: AccountState) -> None:
        """The account is like this now."""
        self.states[account.account_id] = account

    def place(self, hold: Hold) -> None:
        self.placed.append(hold)
        self.holds[hold.hold_id] = HoldFacts(hold)

    def close(self, closing: HoldClosing) -> None:
        self.closed.append(closing)
        facts = self.hold(closing.hold_id)
        if facts is not None:
            self.holds[closing.hold_id] = HoldFacts(
                facts.hold, closing.status, closing.captured, closing.seq, closing.closed_at
            )

    def move_holds(self, holds: Iterable[Hold], to_account: str) -> None:
        for hold in holds:
            self.holds_moved.append(Move(hold.hold_id, hold.account_id, to_account))
            self.holds[hold.hold_id] = HoldFacts(replace(hold, account_id=to_account))

    def move_identifiers(self, identifier_ids: Iterable[str], from_account: str, to_account: str) -> None:
        for identifier_id in identifier_ids:
            self.identifiers_moved.append(Move(identifier_id, from_account, to_account))

    def touch(self, account_id: str) -> None:
        """The answer rests on this account: it must be as loaded when the answer is written."""
        self.touched.add(account_id)

    def attach(self, attachment: Attachment) -> None:
        self.touch(attachment.account_id)
        self.attachments.append(attachment)

    def revoke(self, revocation: Revocation) -> None:
        self.touch(revocation.account_id)
        self.revocations.append(revocation)

    def record(self, command: Command, first: First) -> None:
        """From now on the command's key stands for this; its accounts must be as loaded when that is written."""
        account_ids = command.account_ids
        # Whatever was looked at must be as loaded for the answer to stand: all of it is written, or nothing.
        if len(account_ids) > 1:
            self.bind(account_ids)
        if command.key is not None:
            self.touched.update(account_ids)
            self.keys[command.key] = KeyRecord(command, first)

    def proposal(self, outcomes: tuple[Outcome, ...]) -> Proposal:
        """All of it, frozen, in the order in which every writer locks."""
        return Proposal(
            program_id=self.program.program_id,
            rule_version=self.program.settings.version,
            now=self.now,
            outcomes=outcomes,
            accounts=self._changes(),
            entries=tuple(self.entries),
            keys=tuple(self.keys.values()),
            groups=self.groups,
            attachments=tuple(self.attachments),
            revocations=tuple(self.revocations),
            holds_placed=tuple(self.placed),
            holds_closed=tuple(self.closed),
            holds_moved=tuple(self.holds_moved),
            identifiers_moved=tuple(self.identifiers_moved),
            days=self._net_days() if self.days else (),
        )

    def _changes(self) -> tuple[AccountChange, ...]:
        account_ids = sorted(self.touched.union(self.states))
        changes = []
        for account_id, group in zip(account_ids, self.groups.numbers(account_ids), strict=True):
            state = self.account(account_id)
            if state is not None:
                loaded = self.loaded.accounts.get(account_id, NEW)
                changes.append(AccountChange(loaded.version, loaded.head_hash, state, group))
        return tuple(changes)

    def _net_days(self) -> tuple[DayChange, ...]:
        net: dict[str, tuple[QualifyingDay, ...]] = {}
        for account_id, change in self.days:
            net[account_id] = added(net.get(account_id, ()), (change,))
        return tuple(DayChange(account_id, change) for account_id, changes in sorted(net.items()) for change in changes)
