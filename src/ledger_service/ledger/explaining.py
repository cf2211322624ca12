"""Explaining: where every point of a balance came from, by following the points through all entries of an account.

Within a lot the points that came first go first; an earn that is taken back, or freed, gives its own first.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.ledger.details import detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import Movement

LotDates = tuple[datetime, datetime]
"""When the points of a lot are gone, and since when they can be used."""

OWN_FIRST = frozenset({"reverse_earn", "confirm"})
"""Kinds that take the points of one earn, before others of the same lot."""

REDATES = frozenset({"earn", "redeem", "confirm"})
"""Kinds whose movements may also give points other dates."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Points that one entry brought."""

    seq: int
    points: int


@dataclass(frozen=True, slots=True)
class TracedLot:
    """An open lot, and where its points came from, oldest first."""

    expires_at: datetime
    available_at: datetime
    portions: tuple[Portion, ...]

    @property
    def points(self) -> int:
        return sum(portion.points for portion in self.portions)


class Trace:
    """The working paper of one explanation: entries are followed in the order of their seq.

    Points that only changed their dates (set aside and given back, freed, moved by an activity) stay those of the
    entry that brought them.
    """

    __slots__ = ("_lots", "_set_aside", "newest")

    def __init__(self, newest_max: int) -> None:
        # By seq, oldest first. Ordered: an ordinary one is slow to find its first when many firsts were taken out.
        self._lots: dict[LotDates, OrderedDict[int, int]] = {}
        self._set_aside: dict[str, deque[Portion]] = {}
        self.newest: deque[Entry] = deque(maxlen=newest_max)
        """The last entries that are in the books."""

    def read(self, entry: Entry) -> None:
        """Follow the next entry of the books."""
        self.follow(entry)
        self.newest.append(entry)

    def follow(self, entry: Entry) -> None:
        """Follow an entry that may not be in the books yet: due work that is only counted as done."""
        detail = {} if entry.detail is None else detail_of(entry)
        own = entry.reverses_seq if entry.kind in OWN_FIRST and "reverses_account" not in detail else None
        taken = [
            portion
            for movement in sorted(entry.movements, key=_dates)
            if movement.points < 0
            for portion in self._take(_dates(movement), -movement.points, own)
        ]
        incoming = [movement for movement in sorted(entry.movements, key=_dates) if movement.points > 0]
        self._put(incoming, self._kept(entry, detail, taken, sum(movement.points for movement in incoming)), entry.seq)

    def _kept(self, entry: Entry, detail: dict[str, Any], taken: list[Portion], incoming: int) -> Iterable[Portion]:
        """Of the incoming points those that were the account's before."""
        if entry.kind == "hold":
            self._set_aside[detail["hold_id"]] = deque(taken)
        if entry.kind == "release":
            # What is captured later goes from the front, and so does what pays a debt: the end comes back.
            return _from_the_end(self._set_aside.get(detail["hold_id"], deque()), incoming)
        if entry.kind == "redeem" and "hold_id" in detail:
            self._set_aside.pop(detail["hold_id"], None)
        # What a redeem uses is the first to expire: the end is what only got other dates.
        return _from_the_end(deque(taken), incoming) if entry.kind in REDATES else ()

    def _take(self, dates: LotDates, points: int, own: int | None) -> Iterable[Portion]:
        lot = self._lots.get(dates)
        while lot and points:
            seq = own if own is not None and own in lot else next(iter(lot))
            taken = min(lot[seq], points)
            points -= taken
            lot[seq] -= taken
            if not lot[seq]:
                del lot[seq]
            yield Portion(seq, taken)
        if not lot:
            self._lots.pop(dates, None)

    def _put(self, incoming: list[Movement], kept: Iterable[Portion], seq: int) -> None:
        sources = deque(kept)
        for movement in incoming:
            lot = self._lots.setdefault(_dates(movement), OrderedDict())
            left = movement.points
            while left:
                portion = sources.popleft() if sources else Portion(seq, left)
                points = min(portion.points, left)
                if portion.points > points:
                    sources.appendleft(Portion(portion.seq, portion.points - points))
                lot[portion.seq] = lot.get(portion.seq, 0) + points
                left -= points

    def lots(self) -> tuple[TracedLot, ...]:
        """The open lots, soonest expiry first."""
        return tuple(
            TracedLot(*dates, tuple(Portion(seq, points) for seq, points in self._lots[dates].items()))
            for dates in sorted(self._lots)
        )


def _from_the_end(portions: deque[Portion], points: int) -> list[Portion]:
    """The last points of these portions, in their order; they are taken out."""
    found: deque[Portion] = deque()
    while portions and points:
        portion = portions.pop()
        taken = min(portion.points, points)
        points -= taken
        if portion.points > taken:
            portions.append(Portion(portion.seq, portion.points - taken))
        found.appendleft(Portion(portion.seq, taken))
    return list(found)


def _dates(movement: Movement) -> LotDates:
    return movement.expires_at, movement.available_at
