"""Replay: one account rebuilt from its entries alone, and what contradicts it on the way."""

from collections.abc import Collection, Iterator
from datetime import datetime

from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from ledger_service.ledger.lots import NEVER, Lot
from ledger_service.storage.audit import StoredAccount, Unreadable
from ledger_service.upkeep.findings import Finding

MAY_OWE = frozenset({"reverse_earn", "adjust"})
REVERSES = frozenset({"reverse_earn", "reverse_redeem"})


class Replay:
    """An account as its entries make it.

    Not a frozen value: it takes millions of entries, in a few microseconds each. After a contradiction it goes on from
    what the entry says, so that one wrong number is not reported for all entries that follow.
    """

    __slots__ = (
        "_available_off_by",
        "account_id",
        "balance",
        "debt",
        "head_hash",
        "held",
        "lifetime_points",
        "lots",
        "program_id",
        "seq",
    )

    def __init__(self, program_id: int, account_id: str) -> None:
        self.program_id = program_id
        self.account_id = account_id
        self.seq = 0
        self.balance = 0
        self.held = 0
        self.debt = 0
        self.lifetime_points = 0
        self.head_hash = GENESIS
        self.lots: dict[tuple[datetime, datetime], int] = {}
        self._available_off_by = 0

    def apply(self, entry: Entry, rule_versions: Collection[tuple[int, int]]) -> list[Finding]:
        """Take the next entry; answer what is wrong with it."""
        found: list[Finding] = []
        kind, points = entry.kind, entry.points
        if entry.seq != self.seq + 1:
            found.append(self._finding(entry.seq, "seq", self.seq + 1, entry.seq))
        if entry.balance_after != self.balance + points:
            found.append(self._finding(entry.seq, "balance_after", self.balance + points, entry.balance_after))
        if entry.held_after != self.held:
            found.append(self._finding(entry.seq, "held_after", self.held, entry.held_after))
        if not _fits(kind, points) or (entry.reverses_seq is not None) != (kind in REVERSES):
            found.append(self._finding(entry.seq, "kind", "a sign and reference that fit", _described(entry)))
        if (self.program_id, entry.rule_version) not in rule_versions:
            found.append(self._finding(entry.seq, "rule_version", f"settings of version {entry.rule_version}", "none"))
        self._check_hash(entry, found)
        self._move(entry, found)
        self.seq = entry.seq
        self.balance = entry.balance_after
        self.held = entry.held_after
        self.head_hash = entry.hash
        if kind in ("earn", "reverse_earn"):
            self.lifetime_points += points
        return found

    def skip(self, entry: Unreadable) -> list[Finding]:
        """Take an entry that cannot be read: its number counts, nothing else does."""
        found = [self._finding(entry.seq, "readable", "an entry", entry.reason)]
        if entry.seq != self.seq + 1:
            found.append(self._finding(entry.seq, "seq", self.seq + 1, entry.seq))
        self.seq = entry.seq
        return found

    def _check_hash(self, entry: Entry, found: list[Finding]) -> None:
        try:
            computed = chain_hash(entry)
        except (TypeError, ValueError, OverflowError) as error:
            found.append(self._finding(entry.seq, "readable", "an entry", f"{type(error).__name__}: {error}"))
            return
        if computed != entry.hash:
            found.append(self._finding(entry.seq, "hash", computed.hex(), entry.hash.hex()))

    def _move(self, entry: Entry, found: list[Finding]) -> None:
        """What the entry does to lots and debt, and what is available then."""
        lots = self.lots
        seen_at = entry.occurred_at if entry.kind == "expire" else entry.recorded_at
        in_lots = 0
        for movement in entry.movements:
            dates = (movement.expires_at, movement.available_at)
            left = lots.get(dates, 0) + movement.points
            in_lots += movement.points
            if movement.points < 0 and not _may_take(entry, movement.expires_at, movement.available_at, left):
                found.append(self._finding(entry.seq, "lot_dates", f"a lot that may {entry.kind}", _dated(*dates)))
            if left > 0:
                lots[dates] = left
                continue
            if left < 0:
                found.append(self._finding(entry.seq, "lot_below_zero", f"at least {-left} more", _dated(*dates)))
            lots.pop(dates, None)
        debt = self.debt + in_lots + entry.held_after - self.held - entry.points
        if debt < 0 or (debt > self.debt and entry.kind not in MAY_OWE):
            found.append(self._finding(entry.seq, "debt", f"0 to {self.debt}", debt))
            debt = max(debt, 0)
        self.debt = debt
        usable = 0
        for (expires_at, available_at), remaining in lots.items():
            if available_at <= seen_at < expires_at:
                usable += remaining
        if debt and usable:
            found.append(self._finding(entry.seq, "debt", "no usable points beside it", f"{usable} beside {debt}"))
        off_by = entry.available_after - usable + debt
        if off_by != self._available_off_by:
            if off_by:
                found.append(self._finding(entry.seq, "available_after", usable - debt, entry.available_after))
            self._available_off_by = off_by

    def contradictions(self, stored: StoredAccount) -> Iterator[Finding]:
        """Where the account's row differs from what the entries made."""
        for name, expected in (
            ("seq", self.seq),
            ("balance", self.balance),
            ("held", self.held),
            ("debt", self.debt),
            ("lifetime_points", self.lifetime_points),
            ("next_due_at", self.next_due_at),
        ):
            found = getattr(stored, name)
            if found != expected:
                yield self._finding(None, "account_row", f"{name} {expected}", f"{name} {found}")
        if stored.head_hash != self.head_hash:
            yield self._finding(
                None, "account_row", f"head_hash {self.head_hash.hex()}", f"head_hash {stored.head_hash.hex()}"
            )

    def lot_contradictions(self, stored: Collection[Lot]) -> Iterator[Finding]:
        """Where the account's lots differ from what the entries made."""
        found = {(lot.expires_at, lot.available_at): lot.remaining for lot in stored}
        for dates in sorted(self.lots.keys() | found.keys()):
            expected_points, found_points = self.lots.get(dates), found.get(dates)
            if expected_points != found_points:
                yield self._finding(
                    None, "lot", f"{_points(expected_points)} {_dated(*dates)}", f"{_points(found_points)}"
                )

    @property
    def next_due_at(self) -> datetime | None:
        """The next instant at which a lot expires."""
        soonest = min((expires_at for expires_at, _ in self.lots), default=NEVER)
        return None if soonest == NEVER else soonest

    def _finding(self, seq: int | None, check: str, expected: object, found: object) -> Finding:
        return Finding(self.program_id, self.account_id, seq, check, str(expected), str(found))


def _fits(kind: str, points: int) -> bool:
    match kind:
        case "earn":
            return points >= 0
        case "redeem" | "expire":
            return points < 0
        case "reverse_earn":
            return points <= 0
        case "reverse_redeem":
            return points > 0
        case "adjust":
            return points != 0
        case _:
            return False


def _may_take(entry: Entry, expires_at: datetime, available_at: datetime, left: int) -> bool:
    if entry.kind == "redeem":
        return available_at <= entry.recorded_at < expires_at
    if entry.kind == "expire":
        return expires_at <= entry.occurred_at and left == 0
    return True


def _described(entry: Entry) -> str:
    return f"{entry.kind} of {entry.points} points, reverses {entry.reverses_seq}"


def _dated(expires_at: datetime, available_at: datetime) -> str:
    return f"in the lot of expires_at {_instant(expires_at)}, available_at {_instant(available_at)}"


def _points(points: int | None) -> str:
    return "no points" if points is None else f"{points} points"


def _instant(instant: datetime) -> str:
    return "none" if instant.year in (1, 9999) else instant.isoformat()
