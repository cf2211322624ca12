"""Books in memory: what the database would hold and load. What it would refuse to write is in `gate.py`."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from ledger_service.ledger.commands import (
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
    Together,
    Unmerge,
    singles,
)
from ledger_service.ledger.decide import decide
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import HoldFacts
from ledger_service.ledger.outcomes import Outcome, Posted, PostedSeveral, WrittenTogether
from ledger_service.ledger.program import ProgramSettings, ProgramState
from ledger_service.ledger.proposals import Proposal
from ledger_service.ledger.remaining import shares_of
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import AccountState, EntryFacts, Identifier, KnownOutcome, Loaded
from tests.books.gate import OrderReference, same, write

ABOUT_ORDERS = (Refund, ConfirmOrder, CancelOrder)
FOUND_BY_SOMETHING_ELSE = (*ABOUT_ORDERS, Capture, Release, Unmerge)


class Books:
    """The books of one program."""

    def __init__(self, settings: ProgramSettings | None = None, program_id: int = 1) -> None:
        self.program = ProgramState(program_id, settings or ProgramSettings())
        self.versions: dict[int, ProgramSettings] = {self.program.settings.version: self.program.settings}
        self.accounts: dict[str, AccountState] = {}
        """Without their qualifying days, which have rows of their own."""
        self.days: defaultdict[str, dict[date, QualifyingDay]] = defaultdict(dict)
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.reversals: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
        """By what they reverse, wherever they are written: an account may have been merged in between."""
        self.outcomes: dict[str, KnownOutcome] = {}
        self.orders: dict[OrderReference, Entry] = {}
        self.holds: dict[str, HoldFacts] = {}
        self.identifiers: list[Identifier] = []

    def configure(self, settings: ProgramSettings) -> None:
        """From now on the program's settings are these, as their next version."""
        settings = replace(settings, version=self.program.settings.version + 1)
        self.program = ProgramState(self.program.program_id, settings)
        self.versions[settings.version] = settings

    def post(self, commands: Sequence[Command], now: datetime) -> tuple[Outcome, ...]:
        """One batch down the road and back, with nobody else on it."""
        outcomes: list[Outcome] = []
        for part in findable(commands):
            found = [self.found(command) for command in part]
            proposal = decide(self.load(found, now), found)
            assert not self.write(proposal)
            outcomes.extend(proposal.outcomes)
        return tuple(outcomes)

    def write(self, proposal: Proposal) -> frozenset[str]:
        """The gate: write what is as loaded, answer the accounts in conflict, of which nothing was written."""
        return write(self, proposal)

    def load(self, commands: Sequence[Command], now: datetime) -> Loaded:
        """What these commands need, and nothing else."""
        laid_open = singles(commands)
        account_ids = {account_id for command in laid_open for account_id in command.account_ids}
        keys = {command.key for command in (*commands, *laid_open)}
        orders = {reference: self.orders[reference] for reference in self._references(laid_open)}
        wanted = {(command.account_id, command.seq) for command in laid_open if isinstance(command, Reverse)}
        if any(isinstance(command, ABOUT_ORDERS) for command in laid_open):
            wanted |= {(entry.account_id, entry.seq) for entry in orders.values()}
        for command in laid_open:
            if isinstance(command, Unmerge):
                wanted |= self._merge_of(command.account_id)
        entries = {key: found for key in sorted(wanted) if (found := self._facts(*key)) is not None}
        versions = {self.program.settings.version} | {facts.entry.rule_version for facts in entries.values()}
        named = {command.hold_id for command in laid_open if isinstance(command, Capture | Release)}
        return Loaded(
            program=self.program,
            now=now,
            accounts={key: self._with_days(state) for key, state in self.accounts.items() if key in account_ids},
            outcomes={key: outcome for key, outcome in self.outcomes.items() if key in keys},
            orders=orders,
            entries=entries,
            holds={hold_id: self.holds[hold_id] for hold_id in sorted(named) if hold_id in self.holds},
            settings={version: self.versions[version] for version in sorted(versions)},
            identifiers=tuple(held for held in self.identifiers if _concerns(held, laid_open)),
        )

    def found(self, command: Command) -> Command:
        """The command with the accounts that a look into the books finds for its hold, order or merge."""
        if isinstance(command, Together):
            commands = tuple(self.found(single) for single in command.commands)
            return replace(command, account_id=commands[0].account_id, commands=commands)
        if not isinstance(command, FOUND_BY_SOMETHING_ELSE):
            return command
        if isinstance(command, Unmerge):
            state = self.accounts.get(command.account_id)
            into = command.account_id if state is None or state.merged_into is None else state.merged_into
            return replace(command, into=into)
        account_ids: list[str] = []
        if isinstance(command, Capture | Release):
            if command.hold_id in self.holds:
                hold = self.holds[command.hold_id].hold
                account_ids = [hold.account_id]
                if isinstance(command, Capture):
                    command = replace(command, order_id=hold.order_id)
        elif isinstance(command, ABOUT_ORDERS):
            references = ((command.source, kind, command.order_id) for kind in ("earn", "redeem"))
            account_ids = [self.orders[found].account_id for found in references if found in self.orders]
        if not account_ids:
            return command
        chain = [link for account_id in account_ids for link in self._chain(account_id)]
        return replace(command, account_id=chain[0], chain=tuple(dict.fromkeys(chain[1:])))

    def is_known(self, command: Command) -> bool:
        """Whether the hold or the order that the command names is in the books; a caller is told before it is asked."""
        if isinstance(command, Capture | Release):
            return command.hold_id in self.holds
        if isinstance(command, ABOUT_ORDERS):
            return any((command.source, kind, command.order_id) in self.orders for kind in ("earn", "redeem"))
        return True

    def reversed_points(self, account_id: str, seq: int) -> int:
        """How many points of an entry were taken or given back so far, or written off."""
        return sum(abs(entry.points) + entry.written_off for entry in self.reversals[account_id, seq])

    def _chain(self, account_id: str) -> Iterator[str]:
        following: str | None = account_id
        while following is not None:
            yield following
            following = self.accounts[following].merged_into

    def _with_days(self, state: AccountState) -> AccountState:
        if self.program.settings.ladder is None:
            return state
        days = self.days[state.account_id]
        return replace(state, days=tuple(days[day] for day in sorted(days)))

    def _references(self, commands: Iterable[Command]) -> set[OrderReference]:
        references: set[OrderReference] = set()
        for command in commands:
            match command:
                case Earn(order_id=str(order_id)):
                    references.add((command.source, "earn", order_id))
                case Redeem(order_id=str(order_id)) | PlaceHold(order_id=str(order_id)):
                    references.add((command.source, "redeem", order_id))
                case Capture(order_id=str(order_id)):
                    references.add((command.source, "redeem", order_id))
                    if command.hold_id in self.holds:
                        references.add((self.holds[command.hold_id].hold.source, "redeem", order_id))
                case Refund() | ConfirmOrder() | CancelOrder():
                    references |= {(command.source, kind, command.order_id) for kind in ("earn", "redeem")}
                case _:
                    pass
        return {reference for reference in references if reference in self.orders}

    def _merge_of(self, account_id: str) -> set[tuple[str, int]]:
        """Both entries of the account's last merge."""
        outs = [entry for entry in self.entries[account_id] if entry.kind == "merge_out"]
        if not outs:
            return set()
        transfer_id = outs[-1].transfer_id
        return {
            (entry.account_id, entry.seq)
            for chain in self.entries.values()
            for entry in chain
            if entry.transfer_id == transfer_id
        }

    def _facts(self, account_id: str, seq: int) -> EntryFacts | None:
        if not 1 <= seq <= len(self.entries[account_id]):
            return None
        entry = self.entries[account_id][seq - 1]
        reversals = self.reversals[account_id, seq]
        details = [json.loads(reversal.detail) for reversal in reversals if reversal.detail is not None]
        refunds = [detail["refund"] for detail in details if "refund" in detail]
        confirms = [reversal for reversal in reversals if reversal.kind == "confirm"]
        return EntryFacts(
            entry,
            reversed_points=self.reversed_points(account_id, seq),
            shares=shares_of(refunds[-1]["shares"]) if refunds else None,
            is_uncounted=any(refund.get("uncounted", False) for refund in refunds),
            confirmed_by=confirms[-1] if confirms else None,
        )


def findable(commands: Sequence[Command]) -> Iterator[list[Command]]:
    """The commands in parts that can be found before they are decided: a hold, an order, or a merge that this batch
    itself makes or moves is found in the next one."""
    part: list[Command] = []
    for command in commands:
        laid_open = singles([command])
        if part and any(isinstance(single, FOUND_BY_SOMETHING_ELSE) for single in laid_open):
            yield part
            part = []
        part.append(command)
    if part:
        yield part


def _concerns(held: Identifier, commands: Iterable[Command]) -> bool:
    for command in commands:
        match command:
            case OpenAccount():
                if any(same(held, claim) for claim in command.identifiers):
                    return True
            case AttachIdentifier():
                if same(held, command.identifier):
                    return True
            case RevokeIdentifier():
                if held.claim.identifier_id == command.identifier_id:
                    return True
            case SetStatus() | SetTier() | Merge() | Unmerge():
                if held.account_id in command.account_ids:
                    return True
            case _:
                pass
    return False


def entries_of(outcomes: Iterable[Outcome]) -> list[Entry]:
    """The entries that were posted."""
    entries: list[Entry] = []
    for outcome in outcomes:
        match outcome:
            case Posted(entry):
                entries.append(entry)
            case PostedSeveral(several):
                entries.extend(several)
            case WrittenTogether(parts):
                entries.extend(entries_of(parts))
            case _:
                pass
    return entries
