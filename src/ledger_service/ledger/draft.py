"""Drafts: what the fold has decided so far, laid over what was loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger_service.ledger.groups import Groups
from ledger_service.ledger.holds import HoldFacts
from ledger_service.ledger.lots import ALWAYS
from ledger_service.ledger.merging import added
from ledger_service.ledger.postings import Posting, post
from ledger_service.ledger.proposals import AccountChange, DayChange, HoldClosing, KeyRecord, Move, Proposal
from ledger_service.ledger.refusals import AccountNotFound, MergedMeanwhile
from ledger_service.ledger.remaining import shares_of
from ledger_service.ledger.settling import settle
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded

if TYPE_CHECKING:
    from datetime import datetime

    from ledger_service.ledger.commands import Command, IdentifierClaim
    from ledger_service.ledger.entries import Entry, Kind
    from ledger_service.ledger.holds import Hold
    from ledger_service.ledger.membership import Attachment, Revocation
    from ledger_service.ledger.outcomes import First, Outcome
    from ledger_service.ledger.program import ProgramSettings
    from ledger_service.ledger.standing import QualifyingDay

NEW = AccountState(account_id="")
"""How an account that is not in the books was loaded: version 0, no entries."""


class Draft:
    """The working paper of one fold. It never leaves `decide`: what leaves is the frozen proposal.

    A branch reads through to the draft it came from and changes nothing there until it is taken, so that commands
    that are written together or not at all leave no trace when one of them is refused.
    """

    __slots__ = (
        "attachments",
        "closed",
        "days",
        "entries",
        "facts",
        "groups",
        "holds",
        "holds_moved",
        "identifiers_moved",
        "keys",
        "loaded",
        "now",
        "orders",
        "parent",
        "placed",
        "program",
        "revocations",
        "states",
        "touched",
    )

    def __init__(self, loaded: Loaded, parent: Draft | None = None) -> None:
        self.loaded = loaded
        self.parent = parent
        self.program = loaded.program
        self.now = loaded.now
        self.groups: Groups = parent.groups if parent else Groups()
        self.states: dict[str, AccountState] = {}
        self.touched: set[str] = set()
        self.entries: list[Entry] = []
        self.facts: dict[tuple[str, int], EntryFacts] = {}
        self.orders: dict[tuple[str, str, str], Entry] = {}
        self.keys: dict[str, KeyRecord] = {}
        self.attachments: list[Attachment] = []
        self.revocations: list[Revocation] = []
        self.identifiers_moved: list[Move] = []
        self.holds: dict[str, HoldFacts] = {}
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

    # What is known

    def account(self, account_id: str) -> AccountState | None:
        """The account as decided so far; None when it is not in the books."""
        found = self.states.get(account_id)
        if found is not None:
            return found
        return self.parent.account(account_id) if self.parent else self.loaded.accounts.get(account_id)

    def loaded_version(self, account_id: str) -> int:
        loaded = self.loaded.accounts.get(account_id)
        return 0 if loaded is None else loaded.version

    def known(self, command: Command) -> KnownOutcome | None:
        """What the command's key stands for, in the books or earlier in this batch."""
        if command.key is None:
            return None
        record = self._record(command.key)
        if record is not None:
            # Both answers rest on the same write: they stand or fall together.
            self.bind((record.command.account_id, command.account_id))
            return KnownOutcome(record.command.fingerprint, record.first)
        return self.loaded.outcomes.get(command.key)

    def _record(self, key: str) -> KeyRecord | None:
        found = self.keys.get(key)
        return found if found is not None or self.parent is None else self.parent._record(key)

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

    def order(self, source: str, kind: Kind, order_id: str, account_id: str) -> Entry | None:
        """The entry that earned or redeemed this order before. The answer is for `account_id`."""
        reference = (source, kind, order_id)
        earlier = self._order_in_batch(reference)
        if earlier is not None:
            self.bind((earlier.account_id, account_id))
            return earlier
        return self.loaded.orders.get(reference)

    def _order_in_batch(self, reference: tuple[str, str, str]) -> Entry | None:
        found = self.orders.get(reference)
        return found if found is not None or self.parent is None else self.parent._order_in_batch(reference)

    def entry(self, account_id: str, seq: int) -> EntryFacts | None:
        """An entry that shall be reversed, with what was reversed of it so far."""
        found = self.facts.get((account_id, seq))
        if found is not None:
            return found
        loaded = self.loaded.accounts.get(account_id)
        if loaded is None or seq > loaded.seq:
            for entry in self.entries:
                if entry.seq == seq and entry.account_id == account_id:
                    return EntryFacts(entry)
        return self.parent.entry(account_id, seq) if self.parent else self.loaded.entries.get((account_id, seq))

    def facts_of(self, entry: Entry) -> EntryFacts:
        """An entry that was found before, with what became of it since."""
        return self.entry(entry.account_id, entry.seq) or EntryFacts(entry)

    def settings_at(self, version: int) -> ProgramSettings:
        """The settings under which an order was earned."""
        settings = self.program.settings
        return settings if version == settings.version else self.loaded.settings[version]

    def hold(self, hold_id: str) -> HoldFacts | None:
        """A hold, open or not."""
        found = self.holds.get(hold_id)
        if found is not None:
            return found
        return self.parent.hold(hold_id) if self.parent else self.loaded.holds.get(hold_id)

    def identifier(self, claim: IdentifierClaim, account_id: str) -> Identifier | None:
        """Who has this card, phone, address or external id now. The answer is for `account_id`."""
        self._bind_to_earlier(claim, account_id)
        for held in self._identifiers():
            if held.claim.type == claim.type and held.claim.digest == claim.digest:
                return held
        return None

    def _bind_to_earlier(self, claim: IdentifierClaim, account_id: str) -> None:
        """Whoever attached or revoked it earlier in this batch must succeed for the answer to be true."""
        if self.parent:
            self.parent._bind_to_earlier(claim, account_id)
        for new in self.attachments:
            if new.claim.type == claim.type and new.claim.digest == claim.digest:
                self.bind((new.account_id, account_id))
        # A revocation does not say of what: to bind one too many costs a second decision at worst.
        for revocation in self.revocations:
            self.bind((revocation.account_id, account_id))

    def identifier_by_id(self, identifier_id: str) -> Identifier | None:
        for held in self._identifiers():
            if held.claim.identifier_id == identifier_id:
                return held
        return None

    def identifiers_of(self, account_id: str) -> list[Identifier]:
        return [held for held in self._identifiers() if held.account_id == account_id]

    def _identifiers(self) -> Iterable[Identifier]:
        known = self.parent._identifiers() if self.parent else self.loaded.identifiers
        new = [Identifier(new.claim, new.account_id, new.attached_at) for new in self.attachments]
        gone = {revocation.identifier_id for revocation in self.revocations}
        homes = {move.id: move.to_account for move in self.identifiers_moved}
        return [
            replace(held, account_id=homes.get(held.claim.identifier_id, held.account_id))
            for held in (*known, *new)
            if held.claim.identifier_id not in gone
        ]

    # What is decided

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
        due_at = account.next_due_at
        if due_at is not None and due_at <= self.now:
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

    def bind(self, account_ids: Iterable[str]) -> None:
        """What was decided for these accounts stands or falls together."""
        first, *others = account_ids
        for other in others:
            self.groups.bind(first, other)

    def attach(self, attachment: Attachment) -> None:
        self.touch(attachment.account_id)
        self.attachments.append(attachment)

    def revoke(self, revocation: Revocation) -> None:
        self.touch(revocation.account_id)
        self.revocations.append(revocation)

    def record(self, command: Command, first: First) -> None:
        """From now on the command's key stands for this; its accounts must be as loaded when that is written."""
        if command.key is not None:
            self.touched.update(command.account_ids)
            self.keys[command.key] = KeyRecord(command, first)

    def proposal(self, outcomes: tuple[Outcome, ...]) -> Proposal:
        """All of it, frozen, in the order in which every writer locks."""
        account_ids = sorted(self.touched.union(self.states))
        changes = []
        for account_id, group in zip(account_ids, self.groups.numbers(account_ids), strict=True):
            state = self.account(account_id)
            if state is not None:
                loaded = self.loaded.accounts.get(account_id, NEW)
                changes.append(AccountChange(loaded.version, loaded.head_hash, state, group))
        return Proposal(
            program_id=self.program.program_id,
            rule_version=self.program.settings.version,
            now=self.now,
            outcomes=outcomes,
            accounts=tuple(changes),
            entries=tuple(self.entries),
            keys=tuple(self.keys.values()),
            groups=self.groups,
            attachments=tuple(self.attachments),
            revocations=tuple(self.revocations),
            holds_placed=tuple(self.placed),
            holds_closed=tuple(self.closed),
            holds_moved=tuple(self.holds_moved),
            identifiers_moved=tuple(self.identifiers_moved),
            days=tuple(self._net_days()),
        )

    def _net_days(self) -> Iterable[DayChange]:
        net: dict[str, tuple[QualifyingDay, ...]] = {}
        for account_id, change in self.days:
            net[account_id] = added(net.get(account_id, ()), (change,))
        return [DayChange(account_id, change) for account_id, changes in sorted(net.items()) for change in changes]
