"""Rewinding: what an account had at an earlier instant, by undoing what was entered since, newest entry first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from ledger_service.ledger.details import Detail, detail_of
from ledger_service.ledger.entries import GENESIS, Entry
from ledger_service.ledger.holding import soonest
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import Lot
from ledger_service.ledger.standing import Floor, QualifyingDay, Tier
from ledger_service.ledger.states import AccountState


def effective_at(entry: Entry) -> datetime:
    """The instant from which on an entry counts: due work when it fell due, all else when it was recorded.

    It never runs backwards within an account.
    """
    return entry.occurred_at if entry.key is None else entry.recorded_at


class Rewinding:
    """The working paper of one account on its way back. It never leaves the call that made it."""

    __slots__ = ("_account", "_days", "_lifetime_points", "_lots", "_spend", "_visits", "hold_ids", "tier_has_changed")

    def __init__(self, account: AccountState) -> None:
        self._account = account
        self._lots = Counter({(lot.expires_at, lot.available_at): lot.remaining for lot in account.lots})
        self._days = {day.day: day for day in account.days}
        self._lifetime_points = account.lifetime_points
        self._spend, self._visits = account.standing.spend, account.standing.visits
        self.hold_ids = {hold.hold_id for hold in account.holds}
        """The holds that were open then."""
        self.tier_has_changed = False
        """Whether the tier, or the floor, was another one then."""

    def undo(self, entry: Entry) -> None:
        """Go back to before this entry: the newest that was not undone yet."""
        for movement in entry.movements:
            self._lots[movement.expires_at, movement.available_at] -= movement.points
        if entry.kind in ("earn", "reverse_earn"):
            self._lifetime_points -= entry.points
        if entry.detail is None:
            return
        detail = detail_of(entry)
        self.tier_has_changed |= "tier" in detail
        if "counts" in detail:
            self._uncount(detail["counts"], entry.points)
        if "merged" in detail:
            self._part(detail["merged"], came_in=entry.kind == "merge_in")
        if "hold_id" in detail:
            if entry.kind == "hold":
                self.hold_ids.discard(detail["hold_id"])
            else:
                self.hold_ids.add(detail["hold_id"])

    def _uncount(self, counts: Detail, points: int) -> None:
        spend, visits = Decimal(counts["spend"]), counts["visits"]
        self._spend -= spend
        self._visits -= visits
        if "day" in counts:
            self._lower(date.fromisoformat(counts["day"]), points, spend, visits)

    def _part(self, merged: Detail, came_in: bool) -> None:
        """What a merge moved beside points goes back to where it was."""
        self._lifetime_points -= merged["lifetime"]
        self._spend -= Decimal(merged["spend"])
        self._visits -= merged["visits"]
        for day, points, spend, visits in merged["days"]:
            self._lower(date.fromisoformat(day), points, Decimal(spend), visits)
        if came_in:
            self.hold_ids.difference_update(merged["holds"])
        else:
            self.hold_ids.update(merged["holds"])

    def _lower(self, day: date, points: int, spend: Decimal, visits: int) -> None:
        known = self._days.get(day, QualifyingDay(day))
        self._days[day] = QualifyingDay(day, known.points - points, known.spend - spend, known.visits - visits)

    def account(
        self, last: Entry | None, holds: Iterable[Hold], tier: Tier | None, floor: Floor | None
    ) -> AccountState:
        """The account as its entry `last` left it (None: before the first one), with those of `hold_ids`.

        Its status is today's, and what was redeemed that day is not known.
        """
        lots = tuple(sorted(Lot(*dates, points) for dates, points in self._lots.items() if points))
        balance, held = (0, 0) if last is None else (last.balance_after, last.held_after)
        account_id = self._account.account_id
        return replace(
            self._account,
            seq=0 if last is None else last.seq,
            balance=balance,
            held=held,
            debt=sum(lot.remaining for lot in lots) + held - balance,
            lifetime_points=self._lifetime_points,
            head_hash=GENESIS if last is None else last.hash,
            lots=lots,
            holds=tuple(sorted((replace(hold, account_id=account_id) for hold in holds), key=soonest)),
            standing=replace(
                self._account.standing,
                spend=self._spend or Decimal(0),
                visits=self._visits,
                tier=tier,
                floor=floor,
                redeemed_on=None,
                redeemed=0,
            ),
            days=tuple(sorted(self._days.values())),
        )
