"""Postings: what a rule decided, and how it becomes the account's next entry."""

from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.ledger.details import Detail, detail_text
from ledger_service.ledger.entries import Entry, Kind, seal
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import Lot, Movement, moved, usable
from ledger_service.ledger.program import ProgramState
from ledger_service.ledger.standing import QualifyingDay, Standing, tier_document
from ledger_service.ledger.states import AccountState

NOTHING: Detail = {}


@dataclass(frozen=True, slots=True)
class Posting:
    """What a rule decided: an entry, but for its place in the books."""

    kind: Kind
    points: int
    movements: tuple[Movement, ...]
    source: str
    key: str | None
    occurred_at: datetime
    order_id: str | None = None
    reason: str | None = None
    metadata: str = "{}"
    available_at: datetime | None = None
    expires_at: datetime | None = None
    reverses_seq: int | None = None
    reverses_account: str | None = None
    """The account of the entry that is reversed, when it is another one: it was merged into this."""
    transfer_id: str | None = None
    written_off: int = 0
    held_change: int = 0
    lifetime_change: int = 0
    detail: Detail = field(default_factory=lambda: NOTHING)
    is_due: bool = False
    """Due work: it takes effect at `occurred_at`, whenever it is done."""
    standing: Standing | None = None
    """The standing afterwards; None: unchanged."""
    days: tuple[QualifyingDay, ...] | None = None
    """The qualifying days afterwards; None: unchanged."""
    day_changes: tuple[QualifyingDay, ...] = ()
    """What changes in them."""
    holds: tuple[Hold, ...] | None = None
    """The open holds afterwards; None: unchanged."""


def post(account: AccountState, posting: Posting, program: ProgramState, now: datetime) -> tuple[AccountState, Entry]:
    """The account after this posting, and the entry that it becomes."""
    lots, debt = lots_and_debt(account, posting)
    balance = account.balance + posting.points
    held = account.held + posting.held_change
    # Due work takes effect at its instant: other lots that were still good then are available beside it.
    seen_at = posting.occurred_at if posting.is_due else now
    entry = seal(
        Entry(
            program_id=program.program_id,
            account_id=account.account_id,
            seq=account.seq + 1,
            kind=posting.kind,
            points=posting.points,
            balance_after=balance,
            available_after=usable(lots, seen_at) - debt,
            held_after=held,
            order_id=posting.order_id,
            source=posting.source,
            key=posting.key,
            reason=posting.reason,
            metadata=posting.metadata,
            movements=posting.movements,
            available_at=posting.available_at,
            expires_at=posting.expires_at,
            reverses_seq=posting.reverses_seq,
            transfer_id=posting.transfer_id,
            written_off=posting.written_off,
            rule_version=program.settings.version,
            occurred_at=posting.occurred_at,
            recorded_at=now,
            previous_hash=account.head_hash,
            hash=b"",
            detail=_detail(account, posting),
        )
    )
    return _after(account, posting, lots, debt, entry.seq, entry.hash), entry


def applied(account: AccountState, posting: Posting) -> AccountState:
    """The account after this posting as far as points go; no entry is made of it."""
    lots, debt = lots_and_debt(account, posting)
    return _after(account, posting, lots, debt, account.seq, account.head_hash)


def lots_and_debt(account: AccountState, posting: Posting) -> tuple[tuple[Lot, ...], int]:
    """Debt is what the balance lacks after lots and held points are counted: points = movements + held change
    - debt change (points.md, section 12, rule 2).
    """
    movements = posting.movements
    in_lots = movements[0].points if len(movements) == 1 else sum(movement.points for movement in movements)
    debt = account.debt + in_lots + posting.held_change - posting.points
    if debt < 0:
        raise ValueError(f"a posting of {posting.points} points would leave a debt of {debt}")
    return moved(account.lots, movements), debt


def _detail(account: AccountState, posting: Posting) -> str | None:
    detail = posting.detail
    if posting.reverses_account is not None:
        detail = {**detail, "reverses_account": posting.reverses_account}
    standing, before = posting.standing, account.standing
    if standing is not None and (standing.tier != before.tier or standing.floor != before.floor):
        detail = {**detail, "tier": None, "floor": None, **tier_document(standing)}
    return detail_text(detail)


def _after(
    account: AccountState, posting: Posting, lots: tuple[Lot, ...], debt: int, seq: int, head_hash: bytes
) -> AccountState:
    # Written out, since `replace` takes twice as long: a field of the account that is missing here would be lost,
    # and a test holds this list against the fields.
    return AccountState(
        account_id=account.account_id,
        status=account.status,
        version=account.version,
        seq=seq,
        balance=account.balance + posting.points,
        held=account.held + posting.held_change,
        debt=debt,
        lifetime_points=account.lifetime_points + posting.lifetime_change,
        head_hash=head_hash,
        merged_into=account.merged_into,
        metadata=account.metadata,
        created_at=account.created_at,
        lots=lots,
        holds=account.holds if posting.holds is None else posting.holds,
        standing=account.standing if posting.standing is None else posting.standing,
        days=account.days if posting.days is None else posting.days,
    )
