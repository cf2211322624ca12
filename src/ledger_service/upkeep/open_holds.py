"""Open holds: those of one account as its entries make them, and what contradicts them on the way."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.lots import NEVER
from ledger_service.upkeep.said import Merged, Said

Contradiction = tuple[str, str]
"""What was expected, and what was found."""


@dataclass(slots=True)
class _Open:
    hold: Hold
    left: int
    """Points that were neither captured nor returned yet."""


class OpenHolds:
    """The open holds of an account.

    A hold is closed once, and then all of its points were captured or returned: a capture of less returns the rest
    first.
    """

    __slots__ = ("_account_id", "_open")

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._open: dict[str, _Open] = {}

    def apply(
        self, entry: Entry, said: Said, held_change: int, moved_in: Mapping[str, Hold]
    ) -> tuple[int, list[Contradiction]]:
        """What the entry must change in the held points, and what is wrong with the holds that it names.

        `held_change` is what it does change; `moved_in` are the holds that a merge brings, as they are stored.
        """
        found: list[Contradiction] = []
        if entry.kind == "hold":
            return self._place(entry, said, found), found
        if entry.kind == "release" or (entry.kind == "redeem" and said.hold_id is not None):
            return self._close(entry, said, held_change, found), found
        if said.merged is not None and entry.kind in ("merge_in", "merge_out"):
            return self._move(entry, said.merged, moved_in, found), found
        return 0, found

    def _place(self, entry: Entry, said: Said, found: list[Contradiction]) -> int:
        if said.hold_id is None or said.hold_expires_at is None or said.hold_points <= 0:
            found.append(("a hold with its points and time-out", "none"))
            return said.hold_points
        if said.hold_id in self._open:
            found.append((f"hold {said.hold_id} placed once", "it is open already"))
        hold = Hold(
            hold_id=said.hold_id,
            account_id=self._account_id,
            seq=entry.seq,
            points=said.hold_points,
            expires_at=said.hold_expires_at,
            movements=entry.movements,
            source=entry.source,
            order_id=entry.order_id,
            created_at=entry.recorded_at,
        )
        self._open[hold.hold_id] = _Open(hold, hold.points)
        return hold.points

    def _close(self, entry: Entry, said: Said, held_change: int, found: list[Contradiction]) -> int:
        hold_id = said.hold_id
        opened = None if hold_id is None else self._open.get(hold_id)
        if hold_id is None or opened is None:
            found.append((f"an open hold {hold_id}", "none"))
            return held_change
        if entry.kind == "redeem":
            if -entry.points != opened.left:
                found.append((f"{opened.left} points of hold {hold_id} captured", f"{-entry.points}"))
            if not _is_part(said, opened.hold):
                found.append((f"what hold {hold_id} took from its lots", "other points captured"))
            del self._open[hold_id]
            return entry.points
        if not 0 < -held_change <= opened.left:
            del self._open[hold_id]
            return -opened.left
        opened.left += held_change
        if opened.left == 0:
            del self._open[hold_id]
        return held_change

    def _move(self, entry: Entry, merged: Merged, moved_in: Mapping[str, Hold], found: list[Contradiction]) -> int:
        points = 0
        for hold_id in merged.holds:
            if entry.kind == "merge_out":
                opened = self._open.pop(hold_id, None)
                points -= opened.left if opened else 0
            else:
                hold = moved_in.get(hold_id)
                opened = _Open(replace(hold, account_id=self._account_id), hold.points) if hold else None
                if opened:
                    self._open[hold_id] = opened
                    points += opened.left
            if opened is None:
                found.append((f"hold {hold_id}, which moves with its account", "no such hold"))
        return points

    def contradictions(self, stored: Collection[Hold]) -> Iterator[Contradiction]:
        """Where the open holds that are stored differ from these."""
        found = {hold.hold_id: hold for hold in stored}
        for hold_id in sorted(self._open.keys() | found.keys()):
            opened, row = self._open.get(hold_id), found.get(hold_id)
            if opened is None:
                yield f"no open hold {hold_id}", "one"
            elif row is None:
                yield f"open hold {hold_id}", "none"
            elif opened.left != opened.hold.points:
                yield f"hold {hold_id} open with {opened.hold.points} points", f"{opened.left} left"
            elif row != opened.hold:
                yield _differences(opened.hold, row)

    @property
    def soonest(self) -> datetime:
        """The next instant at which one of them times out; NEVER when none."""
        return min((opened.hold.expires_at for opened in self._open.values()), default=NEVER)


def _is_part(said: Said, hold: Hold) -> bool:
    """Whether what was captured is what the hold took, or some of it."""
    held: Counter[tuple[datetime, datetime]] = Counter()
    for movement in hold.movements:
        held[movement.expires_at, movement.available_at] -= movement.points
    for movement in said.consumed or ():
        held[movement.expires_at, movement.available_at] += movement.points
    return all(left >= 0 for left in held.values())


def _differences(expected: Hold, found: Hold) -> Contradiction:
    names = [one.name for one in fields(Hold) if getattr(expected, one.name) != getattr(found, one.name)]
    return _shown(expected, names), _shown(found, names)


def _shown(hold: Hold, names: list[str]) -> str:
    return f"hold {hold.hold_id} " + ", ".join(f"{name} {getattr(hold, name)}" for name in names)
