"""Postings: what a rule decided, and how it becomes the account's next entry."""

from dataclasses import dataclass
from datetime import datetime

from ledger_service.ledger.entries import Entry, Kind, seal
from ledger_service.ledger.lots import Movement, moved, usable
from ledger_service.ledger.program import ProgramState
from ledger_service.ledger.states import AccountState


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
    written_off: int = 0
    held_change: int = 0
    lifetime_change: int = 0


def post(account: AccountState, posting: Posting, program: ProgramState, now: datetime) -> tuple[AccountState, Entry]:
    """The account after this posting, and the entry that it becomes.

    Debt is what the balance lacks after lots and held points are counted: points = movements + held change
    - debt change (points.md, section 12, rule 2).
    """
    movements = posting.movements
    lots = moved(account.lots, movements)
    in_lots = movements[0].points if len(movements) == 1 else sum(movement.points for movement in movements)
    debt = account.debt + in_lots + posting.held_change - posting.points
    if debt < 0:
        raise ValueError(f"a posting of {posting.points} points would leave a debt of {debt}")
    balance = account.balance + posting.points
    held = account.held + posting.held_change
    # Due work takes effect at its instant: other lots that were still good then are available beside it.
    seen_at = posting.occurred_at if posting.kind == "expire" else now
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
            movements=movements,
            available_at=posting.available_at,
            expires_at=posting.expires_at,
            reverses_seq=posting.reverses_seq,
            transfer_id=None,
            written_off=posting.written_off,
            rule_version=program.settings.version,
            occurred_at=posting.occurred_at,
            recorded_at=now,
            previous_hash=account.head_hash,
            hash=b"",
        )
    )
    # Written out, since `replace` takes twice as long: a field of the account that is missing here would be lost,
    # and a test holds this list against the fields.
    after = AccountState(
        account_id=account.account_id,
        status=account.status,
        version=account.version,
        seq=entry.seq,
        balance=balance,
        held=held,
        debt=debt,
        lifetime_points=account.lifetime_points + posting.lifetime_change,
        head_hash=entry.hash,
        merged_into=account.merged_into,
        metadata=account.metadata,
        created_at=account.created_at,
        lots=lots,
    )
    return after, entry
