"""Replay: one account rebuilt from its entries alone, and what contradicts it on the way."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import NEVER, Lot
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.storage.audit import StoredAccount, Unreadable
from ledger_service.upkeep.findings import Finding
from ledger_service.upkeep.kinds import described, fits
from ledger_service.upkeep.lot_rules import Dates, dated, wrongly_taken
from ledger_service.upkeep.open_holds import OpenHolds
from ledger_service.upkeep.said import NOTHING_SAID, UNREADABLE, Said, said_by
from ledger_service.upkeep.standings import Standings

MAY_OWE = frozenset({"reverse_earn", "adjust", "merge_in", "merge_out"})
EARNED = frozenset({"earn", "reverse_earn"})
NO_HOLDS: Mapping[str, Hold] = {}


class Replay:
    """An account as its entries make it.

    Not a frozen value: it takes millions of entries, in a few microseconds each. After a contradiction it goes on from
    what the entry says, so that one wrong number is not reported for all entries that follow.
    """

    __slots__ = (
        "_available_off_by",
        "_holds",
        "_standings",
        "account_id",
        "balance",
        "debt",
        "head_hash",
        "held",
        "lifetime_points",
        "lots",
        "merged_into",
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
        self.lots: dict[Dates, int] = {}
        self.merged_into: str | None = None
        self._holds = OpenHolds(account_id)
        self._standings = Standings()
        self._available_off_by = 0

    def apply(
        self, entry: Entry, rule_versions: Collection[tuple[int, int]], moved_in: Mapping[str, Hold] = NO_HOLDS
    ) -> list[Finding]:
        """Take the next entry; answer what is wrong with it. `moved_in` are the holds that a merge brings along."""
        found: list[Finding] = []
        kind, points = entry.kind, entry.points
        said = NOTHING_SAID if entry.detail is None else self._said(entry, found)
        if entry.seq != self.seq + 1:
            found.append(self._finding(entry.seq, "seq", self.seq + 1, entry.seq))
        if entry.balance_after != self.balance + points:
            found.append(self._finding(entry.seq, "balance_after", self.balance + points, entry.balance_after))
        if not fits(entry):
            found.append(self._finding(entry.seq, "kind", "a sign and references that fit", described(entry)))
        if (self.program_id, entry.rule_version) not in rule_versions:
            found.append(self._finding(entry.seq, "rule_version", f"settings of version {entry.rule_version}", "none"))
        if said.parts_points is not None and said.parts_points != points:
            found.append(self._finding(entry.seq, "parts", f"parts of {points} points", said.parts_points))
        self._hold(entry, said, moved_in, found)
        self._check_hash(entry, found)
        self._move(entry, said, found)
        self.seq = entry.seq
        self.balance = entry.balance_after
        self.held = entry.held_after
        self.head_hash = entry.hash
        if kind in EARNED:
            self.lifetime_points += points
        if said is not NOTHING_SAID:
            self._standings.apply(entry, said)
        if self.merged_into is not None or kind in ("merge_in", "merge_out"):
            self._merge(entry, said, found)
        return found

    def skip(self, entry: Unreadable) -> list[Finding]:
        """Take an entry that cannot be read: its number counts, nothing else does."""
        found = [self._finding(entry.seq, "readable", "an entry", entry.reason)]
        if entry.seq != self.seq + 1:
            found.append(self._finding(entry.seq, "seq", self.seq + 1, entry.seq))
        self.seq = entry.seq
        return found

    def _said(self, entry: Entry, found: list[Finding]) -> Said:
        try:
            return said_by(entry)
        except UNREADABLE as error:
            found.append(self._finding(entry.seq, "readable", "a detail", f"{type(error).__name__}: {error}"))
            return NOTHING_SAID

    def _check_hash(self, entry: Entry, found: list[Finding]) -> None:
        try:
            computed = chain_hash(entry)
        except (TypeError, ValueError, OverflowError) as error:
            found.append(self._finding(entry.seq, "readable", "an entry", f"{type(error).__name__}: {error}"))
            return
        if computed != entry.hash:
            found.append(self._finding(entry.seq, "hash", computed.hex(), entry.hash.hex()))

    def _hold(self, entry: Entry, said: Said, moved_in: Mapping[str, Hold], found: list[Finding]) -> None:
        """What the entry does to held points."""
        change, wrong = self._holds.apply(entry, said, entry.held_after - self.held, moved_in)
        for expected, seen in wrong:
            found.append(self._finding(entry.seq, "hold", expected, seen))
        if entry.held_after != self.held + change:
            found.append(self._finding(entry.seq, "held_after", self.held + change, entry.held_after))

    def _move(self, entry: Entry, said: Said, found: list[Finding]) -> None:
        """What the entry does to lots and debt, and what is available then."""
        lots = self.lots
        # Due work takes effect at its instant, whenever it is done: it was asked for by nobody, so it has no key.
        seen_at = entry.occurred_at if entry.key is None else entry.recorded_at
        in_lots = 0
        takes = False
        for movement in entry.movements:
            dates = (movement.expires_at, movement.available_at)
            left = lots.get(dates, 0) + movement.points
            in_lots += movement.points
            takes = takes or movement.points < 0
            if left > 0:
                lots[dates] = left
                continue
            if left < 0:
                found.append(self._finding(entry.seq, "lot_below_zero", f"at least {-left} more", dated(*dates)))
            lots.pop(dates, None)
        if takes or said.consumed is not None:
            for dates in wrongly_taken(entry, said, seen_at, lots):
                found.append(self._finding(entry.seq, "lot_dates", f"a lot that may {entry.kind}", dated(*dates)))
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

    def _merge(self, entry: Entry, said: Said, found: list[Finding]) -> None:
        """What a merge does beside points; nothing else may happen to an account that was merged into another."""
        undoes = said.merged is not None and said.merged.undoes is not None
        if self.merged_into is not None and not (entry.kind == "merge_in" and undoes):
            found.append(
                self._finding(entry.seq, "merged", f"nothing since it was merged into {self.merged_into}", entry.kind)
            )
        if said.merged is not None:
            self.lifetime_points += said.merged.lifetime
        elif entry.kind in ("merge_in", "merge_out"):
            found.append(self._finding(entry.seq, "merged", "what a merge moves", "nothing"))
        if entry.kind == "merge_in":
            self.merged_into = None
        elif entry.kind == "merge_out" and not undoes:
            self.merged_into = said.counterpart
            self._standings.leave()
            left = {"balance": self.balance, "held": self.held, "debt": self.debt, "lots": sum(self.lots.values())}
            if any(left.values()):
                found.append(self._finding(entry.seq, "merged", "no points left", left))

    def contradictions(self, stored: StoredAccount) -> Iterator[Finding]:
        """Where the account's row differs from what the entries made."""
        for name, expected in (
            ("seq", self.seq),
            ("balance", self.balance),
            ("held", self.held),
            ("debt", self.debt),
            ("lifetime_points", self.lifetime_points),
            ("next_due_at", self.next_due_at),
            ("merged_into", self.merged_into),
        ):
            found = getattr(stored, name)
            if found != expected:
                yield self._finding(None, "account_row", f"{name} {expected}", f"{name} {found}")
        if (stored.status == "merged") != (self.merged_into is not None):
            expected = "merged" if self.merged_into is not None else "any but merged"
            yield self._finding(None, "account_row", f"status {expected}", f"status {stored.status}")
        if stored.head_hash != self.head_hash:
            yield self._finding(
                None, "account_row", f"head_hash {self.head_hash.hex()}", f"head_hash {stored.head_hash.hex()}"
            )
        for expected, found in self._standings.contradictions(stored.standing):
            yield self._finding(None, "standing", expected, found)

    def lot_contradictions(self, stored: Collection[Lot]) -> Iterator[Finding]:
        """Where the account's lots differ from what the entries made."""
        found = {(lot.expires_at, lot.available_at): lot.remaining for lot in stored}
        for dates in sorted(self.lots.keys() | found.keys()):
            expected_points, found_points = self.lots.get(dates), found.get(dates)
            if expected_points != found_points:
                yield self._finding(
                    None, "lot", f"{_points(expected_points)} {dated(*dates)}", f"{_points(found_points)}"
                )

    def hold_contradictions(self, stored: Collection[Hold]) -> Iterator[Finding]:
        """Where the account's open holds differ from what the entries made."""
        for expected, found in self._holds.contradictions(stored):
            yield self._finding(None, "hold", expected, found)

    def day_contradictions(self, stored: Collection[QualifyingDay]) -> Iterator[Finding]:
        """Where the account's qualifying days differ from what the entries made."""
        for expected, found in self._standings.day_contradictions(stored):
            yield self._finding(None, "qualifying_day", expected, found)

    @property
    def next_due_at(self) -> datetime | None:
        """The next instant at which a lot expires, a hold times out, or the tier is looked at."""
        soonest = min((expires_at for expires_at, _ in self.lots), default=NEVER)
        soonest = min(soonest, self._holds.soonest, self._standings.standing.due_at)
        return None if soonest == NEVER else soonest

    def _finding(self, seq: int | None, check: str, expected: object, found: object) -> Finding:
        return Finding(self.program_id, self.account_id, seq, check, str(expected), str(found))


def _points(points: int | None) -> str:
    return "no points" if points is None else f"{points} points"
