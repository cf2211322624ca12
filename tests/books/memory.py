"""Books in memory: what the database would hold, and a gate that checks what the database's gate checks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ledger_service.errors import KeyTaken
from ledger_service.ledger.commands import (
    AttachIdentifier,
    Command,
    Earn,
    OpenAccount,
    Redeem,
    Reverse,
    RevokeIdentifier,
    SetStatus,
    singles,
)
from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from ledger_service.ledger.lots import Movement, moved
from ledger_service.ledger.outcomes import Outcome, Posted
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import AccountChange, Proposal
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded


class Books:
    """The books of one program. The gate fails a test (AssertionError) on what the database's gate would reject."""

    def __init__(self, settings: ProgramSettings | None = None, program_id: int = 1) -> None:
        self.program = ProgramState(program_id, settings or ProgramSettings())
        self.accounts: dict[str, AccountState] = {}
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.outcomes: dict[str, KnownOutcome] = {}
        self.orders: dict[tuple[str, str, str], Entry] = {}
        self.identifiers: list[Identifier] = []

    def post(self, commands: Sequence[Command], now: datetime) -> tuple[Outcome, ...]:
        """One batch down the road and back, with nobody else on it."""
        proposal = decide(self.load(commands, now), commands)
        assert not self.write(proposal)
        return proposal.outcomes

    def load(self, commands: Sequence[Command], now: datetime) -> Loaded:
        """What these commands need, and nothing else."""
        laid_open = singles(commands)
        account_ids = {command.account_id for command in laid_open}
        keys = {command.key for command in (*commands, *laid_open)}
        orders = {
            (command.source, type(command).__name__.lower(), command.order_id)
            for command in laid_open
            if isinstance(command, Earn | Redeem)
        }
        reversed_entries = {(command.account_id, command.seq) for command in laid_open if isinstance(command, Reverse)}
        return Loaded(
            program=self.program,
            now=now,
            accounts={key: state for key, state in self.accounts.items() if key in account_ids},
            outcomes={key: outcome for key, outcome in self.outcomes.items() if key in keys},
            orders={key: entry for key, entry in self.orders.items() if key in orders},
            entries={key: found for key in reversed_entries if (found := self._facts(*key)) is not None},
            identifiers=tuple(held for held in self.identifiers if _concerns(held, laid_open)),
        )

    def _facts(self, account_id: str, seq: int) -> EntryFacts | None:
        if not 1 <= seq <= len(self.entries[account_id]):
            return None
        return EntryFacts(self.entries[account_id][seq - 1], self.reversed_points(account_id, seq))

    def reversed_points(self, account_id: str, seq: int) -> int:
        """How many points of an entry were taken or given back so far, or written off."""
        return sum(
            abs(entry.points) + entry.written_off for entry in self.entries[account_id] if entry.reverses_seq == seq
        )

    def write(self, proposal: Proposal) -> frozenset[str]:
        """The gate: write what is as loaded, answer the accounts in conflict, of which nothing was written."""
        stale = {
            change.after.account_id
            for change in proposal.accounts
            if self._version(change.after.account_id) != change.loaded_version
        }
        names = [change.after.account_id for change in proposal.accounts]
        assert names == sorted(set(names)), "writers would lock in different orders"
        written = [
            change for change in proposal.accounts if not self._is_void([change.after.account_id], proposal, stale)
        ]
        self._refuse_taken(proposal, stale)
        for change in written:
            self._write_account(
                change, [entry for entry in proposal.entries if entry.account_id == change.after.account_id]
            )
        for record in proposal.keys:
            is_outside = record.command.account_id not in names
            if not self._is_void(record.command.account_ids, proposal, stale) and not (is_outside and stale):
                assert record.command.key is not None
                self.outcomes[record.command.key] = KnownOutcome(record.command.fingerprint, record.first)
        self._write_identifiers(proposal, stale)
        changed = {change.after.account_id for change in written}
        assert {entry.account_id for entry in proposal.entries} <= set(names)
        return frozenset(set(names) - changed)

    @staticmethod
    def _is_void(account_ids: Iterable[str], proposal: Proposal, stale: set[str]) -> bool:
        return bool(stale) and proposal.groups.touch(account_ids, stale)

    def _version(self, account_id: str) -> int:
        return self.accounts[account_id].version if account_id in self.accounts else 0

    def _refuse_taken(self, proposal: Proposal, stale: set[str]) -> None:
        """The unique indexes: a key, an order and an identifier are written once."""
        for record in proposal.keys:
            if record.command.key in self.outcomes and not self._is_void(record.command.account_ids, proposal, stale):
                raise KeyTaken(f"key {record.command.key}")
        for entry in proposal.entries:
            if not self._is_void([entry.account_id], proposal, stale) and _order_of(entry) in self.orders:
                raise KeyTaken(f"order {entry.order_id}")

    def _write_account(self, change: AccountChange, entries: list[Entry]) -> None:
        after = change.after
        before = self.accounts.get(after.account_id, AccountState(account_id=after.account_id))
        for entry in entries:
            self._write_entry(entry)
        chain = self.entries[after.account_id]
        assert after.seq == len(chain)
        assert after.version == before.version, "only the gate raises a version"
        assert change.loaded_hash == before.head_hash
        assert after.head_hash == (chain[-1].hash if chain else GENESIS)
        movements: tuple[Movement, ...] = tuple(movement for entry in entries for movement in entry.movements)
        assert after.lots == moved(before.lots, movements), "the lots are not what the entries made of them"
        assert all(lot.remaining > 0 for lot in after.lots)
        assert len({(lot.expires_at, lot.available_at) for lot in after.lots}) == len(after.lots)
        assert after.balance == (chain[-1].balance_after if chain else 0)
        assert after.balance == sum(lot.remaining for lot in after.lots) + after.held - after.debt
        assert after.debt >= 0
        assert not (after.debt and after.lots), "a debt beside points that could pay it"
        assert max(abs(after.balance), after.lifetime_points) <= POINTS_MAX
        assert after.lifetime_points >= 0
        self.accounts[after.account_id] = replace(after, version=before.version + 1)

    def _write_entry(self, entry: Entry) -> None:
        chain = self.entries[entry.account_id]
        previous = chain[-1] if chain else None
        assert entry.seq == len(chain) + 1
        assert entry.balance_after == (previous.balance_after if previous else 0) + entry.points
        assert entry.previous_hash == (previous.hash if previous else GENESIS)
        assert entry.hash == chain_hash(entry)
        chain.append(entry)
        if entry.order_id is not None and entry.kind in ("earn", "redeem"):
            self.orders[_order_of(entry)] = entry
        if entry.reverses_seq is not None:
            reversed_entry = chain[entry.reverses_seq - 1]
            assert self.reversed_points(entry.account_id, entry.reverses_seq) <= abs(reversed_entry.points)

    def _write_identifiers(self, proposal: Proposal, stale: set[str]) -> None:
        for revocation in proposal.revocations:
            if not self._is_void([revocation.account_id], proposal, stale):
                self.identifiers = [
                    held for held in self.identifiers if held.claim.identifier_id != revocation.identifier_id
                ]
        gone = {revocation.identifier_id for revocation in proposal.revocations}
        for new in proposal.attachments:
            if new.claim.identifier_id in gone or self._is_void([new.account_id], proposal, stale):
                continue
            if any(_same(held.claim, new.claim) for held in self.identifiers):
                raise KeyTaken(f"identifier {new.claim.masked}")
            self.identifiers.append(Identifier(new.claim, new.account_id, new.attached_at))


def _order_of(entry: Entry) -> tuple[str, str, str]:
    # Reversals carry the order of what they reverse, and there may be many of them.
    return (entry.source, entry.kind, entry.order_id or "") if entry.kind in ("earn", "redeem") else ("", "", "")


def _same(one: object, other: object) -> bool:
    return (one.type, one.digest) == (other.type, other.digest)  # type: ignore[attr-defined]


def _concerns(held: Identifier, commands: Iterable[Command]) -> bool:
    for command in commands:
        match command:
            case OpenAccount():
                if any(_same(held.claim, claim) for claim in command.identifiers):
                    return True
            case AttachIdentifier():
                if _same(held.claim, command.identifier):
                    return True
            case RevokeIdentifier():
                if held.claim.identifier_id == command.identifier_id:
                    return True
            case SetStatus():
                if held.account_id == command.account_id:
                    return True
            case _:
                pass
    return False


def entries_of(outcomes: Iterable[Outcome]) -> list[Entry]:
    """The entries that were posted."""
    return [outcome.entry for outcome in outcomes if isinstance(outcome, Posted)]
