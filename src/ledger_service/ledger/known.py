"""Known: what the fold knows, in the books and of what it decided so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger_service.ledger.groups import Groups
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded

if TYPE_CHECKING:
    from ledger_service.ledger.commands import Command, IdentifierClaim
    from ledger_service.ledger.entries import Entry, Kind
    from ledger_service.ledger.holds import HoldFacts
    from ledger_service.ledger.membership import Attachment, Revocation
    from ledger_service.ledger.program import ProgramSettings
    from ledger_service.ledger.proposals import KeyRecord, Move


class Known:
    """What was loaded, and laid over it what was decided since: of each thing the latest is found.

    Whoever asks about something that another command of the batch made is bound to it: its answer is true only if
    that is written.
    """

    __slots__ = (
        "attachments",
        "entries",
        "facts",
        "groups",
        "holds",
        "identifiers_moved",
        "keys",
        "loaded",
        "now",
        "orders",
        "parent",
        "program",
        "revocations",
        "states",
    )

    def __init__(self, loaded: Loaded, parent: Known | None = None) -> None:
        self.loaded = loaded
        self.parent = parent
        """What lies between this and what was loaded."""
        self.program = loaded.program
        self.now = loaded.now
        self.groups: Groups = parent.groups if parent else Groups()
        self.states: dict[str, AccountState] = {}
        self.entries: list[Entry] = []
        self.facts: dict[tuple[str, int], EntryFacts] = {}
        self.orders: dict[tuple[str, str, str], Entry] = {}
        self.keys: dict[str, KeyRecord] = {}
        self.attachments: list[Attachment] = []
        self.revocations: list[Revocation] = []
        self.identifiers_moved: list[Move] = []
        self.holds: dict[str, HoldFacts] = {}

    def account(self, account_id: str) -> AccountState | None:
        """The account as decided so far; None when it is not in the books."""
        found = self.states.get(account_id)
        if found is not None:
            return found
        return self.loaded.accounts.get(account_id) if self.parent is None else self.parent.account(account_id)

    def loaded_version(self, account_id: str) -> int:
        loaded = self.loaded.accounts.get(account_id)
        return 0 if loaded is None else loaded.version

    def known(self, command: Command) -> KnownOutcome | None:
        """What the command's key stands for, in the books or earlier in this batch."""
        if command.key is None:
            return None
        record = self.keys.get(command.key)
        if record is None and self.parent is not None:
            record = self.parent._record(command.key)
        if record is not None:
            # Both answers rest on the same write: they stand or fall together.
            self.bind((record.command.account_id, command.account_id))
            return KnownOutcome(record.command.fingerprint, record.first)
        return self.loaded.outcomes.get(command.key)

    def _record(self, key: str) -> KeyRecord | None:
        found = self.keys.get(key)
        return found if found is not None or self.parent is None else self.parent._record(key)

    def order(self, source: str, kind: Kind, order_id: str, account_id: str) -> Entry | None:
        """The entry that earned or redeemed this order before. The answer is for `account_id`."""
        reference = (source, kind, order_id)
        earlier = self.orders.get(reference)
        if earlier is None and self.parent is not None:
            earlier = self.parent._order_in_batch(reference)
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

    def bind(self, account_ids: Iterable[str]) -> None:
        """What was decided for these accounts stands or falls together."""
        first, *others = account_ids
        for other in others:
            self.groups.bind(first, other)
