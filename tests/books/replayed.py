"""Accounts rebuilt from their entries alone, naively (points.md, section 12, law 6)."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Lot, movements_of, movements_text
from ledger_service.ledger.standing import Floor, Tier, tier_of

Dates = tuple[datetime, datetime]


@dataclass
class Replayed:
    """An account, as its entries make it."""

    seq: int = 0
    balance: int = 0
    held: int = 0
    lifetime: int = 0
    lots: Counter[Dates] = field(default_factory=Counter)
    open_holds: dict[str, int] = field(default_factory=dict)
    captured: dict[str, int] = field(default_factory=dict)
    """Of the holds that were closed in these books."""
    spend: Decimal = Decimal(0)
    visits: int = 0
    tier: Tier | None = None
    floor: Floor | None = None
    days: dict[date, tuple[int, Decimal, int]] = field(default_factory=dict)
    redeemed: Counter[str] = field(default_factory=Counter)
    """Points by day, in programs that limit them."""

    @property
    def debt(self) -> int:
        return sum(self.lots.values()) + self.held - self.balance

    def open_lots(self) -> tuple[Lot, ...]:
        return tuple(sorted(Lot(*dates, points) for dates, points in self.lots.items() if points))

    def qualifying_days(self) -> dict[date, tuple[int, Decimal, int]]:
        return {day: numbers for day, numbers in self.days.items() if any(numbers)}

    def count(self, day: date, points: int, spend: Decimal, visits: int) -> None:
        before = self.days.get(day, (0, Decimal(0), 0))
        self.days[day] = (before[0] + points, before[1] + spend, before[2] + visits)


def replayed(entries: Iterable[Entry], holds_elsewhere: Mapping[str, int]) -> Replayed:
    """The account after these entries. Holds that a merge brings are found by their id: it names them only."""
    account = Replayed()
    for entry in entries:
        detail: dict[str, Any] = {} if entry.detail is None else json.loads(entry.detail)
        account.seq += 1
        account.balance += entry.points
        account.held = entry.held_after
        for movement in movements_of(movements_text(entry.movements)):
            account.lots[movement.expires_at, movement.available_at] += movement.points
            assert account.lots[movement.expires_at, movement.available_at] >= 0
        if entry.kind in ("earn", "reverse_earn"):
            account.lifetime += entry.points
        if "tier" in detail or "floor" in detail:
            account.tier, account.floor = tier_of(detail)
        if "redeemed_on" in detail:
            account.redeemed[detail["redeemed_on"]] += -entry.points or detail["hold"]["points"]
        _hold(account, entry, detail)
        if "counts" in detail:
            counts = detail["counts"]
            account.spend += Decimal(counts["spend"])
            account.visits += counts["visits"]
            if "day" in counts:
                day = date.fromisoformat(counts["day"])
                account.count(day, entry.points, Decimal(counts["spend"]), counts["visits"])
        if "merged" in detail:
            _merge(account, entry, detail["merged"], holds_elsewhere)
    return account


def _hold(account: Replayed, entry: Entry, detail: dict[str, Any]) -> None:
    hold_id = str(detail.get("hold_id"))
    if entry.kind == "hold":
        account.open_holds[hold_id] = detail["hold"]["points"]
    elif entry.kind == "redeem" and "hold_id" in detail:
        account.captured[hold_id] = -entry.points
        account.open_holds.pop(hold_id)
    elif entry.kind == "release":
        # The first part of a capture leaves the hold with what is captured of it.
        account.open_holds[hold_id] -= account.open_holds[hold_id] + _others(account, hold_id) - entry.held_after
        if account.open_holds[hold_id] == 0:
            account.captured[hold_id] = 0
            account.open_holds.pop(hold_id)


def _others(account: Replayed, hold_id: str) -> int:
    return sum(points for other, points in account.open_holds.items() if other != hold_id)


def _merge(account: Replayed, entry: Entry, merged: dict[str, Any], holds_elsewhere: Mapping[str, int]) -> None:
    account.lifetime += merged["lifetime"]
    account.spend += Decimal(merged["spend"])
    account.visits += merged["visits"]
    for day, points, spend, visits in merged["days"]:
        account.count(date.fromisoformat(day), points, Decimal(spend), visits)
    for hold_id in merged["holds"]:
        if entry.kind == "merge_in":
            account.open_holds[hold_id] = holds_elsewhere[hold_id]
        else:
            account.open_holds.pop(hold_id)
    if entry.kind == "merge_out" and "undoes" not in merged:
        account.redeemed.clear()
