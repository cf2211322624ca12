"""The tills' journals: what callers were told before the books were lost, and what they therefore send once more."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

from ledger_service.cli.drill.answers import Outcome

Line = Mapping[str, Any]
"""One attempt, as it is recorded."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One request that was answered for good: moved, or refused by the books."""

    number: int
    key: str
    outcome: Outcome
    body_sha: str
    places: tuple[tuple[str, int], ...]
    """Account and seq of the entries it made; none for a refusal."""
    points: tuple[tuple[str, int], ...]
    """Account and points of those that moved any."""


def journal_of(lines: Iterable[Line]) -> list[Noted]:
    """What the first good answer under each key said, in the order of these answers."""
    noted: dict[str, Noted] = {}
    for line in sorted(lines, key=lambda line: line["complete_ns"]):
        if line["key"] is not None and line["outcome"] in (Outcome.OK, Outcome.REFUSED):
            noted.setdefault(line["key"], noted_of(line))
    return list(noted.values())


def noted_of(line: Line) -> Noted:
    """One answer. An entry, several, or a hold, which is placed by an entry that moves nothing."""
    outcome, body = Outcome(line["outcome"]), line["body"]
    entries = [] if outcome is Outcome.REFUSED else body.get("entries", [body])
    places = tuple((one["account_id"], one["seq"]) for one in entries)
    points = tuple((one["account_id"], one["points"]) for one in entries if "hold_id" not in one)
    return Noted(line["op"], line["key"], outcome, line["body_sha"], places, points)


def in_order(noted: Sequence[Noted]) -> "TopologicalSorter[int]":
    """The numbers of these requests in the order in which each account saw them: no points are redeemed before they are
    earned, and each entry gets the seq it had, by which a later one may name it. Accounts go side by side."""
    by_account: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for one in noted:
        sorter.add(one.number)
        for account_id, seq in one.places:
            by_account[account_id].append((seq, one.number))
    for places in by_account.values():
        for (_, earlier), (_, later) in pairwise(sorted(places)):
            if earlier != later:
                sorter.add(later, earlier)
    return sorter


def balances(noted: Iterable[Noted]) -> dict[str, int]:
    """What every account must have by what callers were told, no more and no less."""
    found: Counter[str] = Counter()
    for one in noted:
        for account_id, points in one.points:
            found[account_id] += points
    return dict(found)


def as_restored(lines: Iterable[Line], keys: frozenset[str], before_ns: int, until_ns: int) -> list[Line]:
    """The attempts that the restored books have to answer for.

    `keys`: those the books had at the point. `before_ns`: what was answered before it was answered before the point:
    all of it stays, so that whatever of it is missing is found to be lost. `until_ns`: when tills learnt of the loss.
    Other answers speak of books that are no more; the requests among them are sent again."""
    return [
        line
        for line in lines
        if line["complete_ns"] < before_ns or (line["key"] in keys and line["intended_ns"] <= until_ns)
    ]
