"""The trial balance: double entry over a whole program. What members have and what the program gave cancel out."""

from collections import Counter
from dataclasses import dataclass

COUNTER_ACCOUNTS = {
    "earn": "issued",
    "redeem": "redeemed",
    "expire": "expired",
    "reverse_earn": "taken_back",
    "reverse_redeem": "given_back",
    "adjust": "adjusted",
    "transfer_out": "transferred",
    "transfer_in": "transferred",
    "merge_out": "merged",
    "merge_in": "merged",
}
"""The program's side of each kind of entry: what an entry gives a member, its counter account owes.

What moves between members comes to nothing on its own, in a whole program.
"""

WITHOUT_POINTS = frozenset({"hold", "release", "confirm", "tier"})
"""The kinds that give and take nothing, and so have no counter account."""


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """One program's books on one line each. Points."""

    program_id: int
    members: int
    """The balances of all member accounts, as their rows say."""
    counters: dict[str, int]
    """The balances of the counter accounts, from the entries."""

    @property
    def total(self) -> int:
        """0 in sound books."""
        return self.members + sum(self.counters.values())


class TrialBalances:
    """Adds up entries and balances, program by program."""

    def __init__(self) -> None:
        self._moved: dict[int, Counter[str]] = {}
        self._members: Counter[int] = Counter()

    def moved(self, program_id: int) -> Counter[str]:
        """The points moved in a program so far, by kind; to be added to by whoever reads entries."""
        return self._moved.setdefault(program_id, Counter())

    def add_balance(self, program_id: int, balance: int) -> None:
        self._members[program_id] += balance

    def results(self) -> list[TrialBalance]:
        """One for each program that has entries or accounts, in the order of program_id."""
        return [
            TrialBalance(program_id, self._members[program_id], _counters(self.moved(program_id)))
            for program_id in sorted(self._moved.keys() | self._members.keys())
        ]


def _counters(moved: Counter[str]) -> dict[str, int]:
    counters = dict.fromkeys(COUNTER_ACCOUNTS.values(), 0)
    for kind, points in sorted(moved.items()):
        if kind in COUNTER_ACCOUNTS or points or kind not in WITHOUT_POINTS:
            counter = COUNTER_ACCOUNTS.get(kind, kind)
            counters[counter] = counters.get(counter, 0) - points
    return counters
