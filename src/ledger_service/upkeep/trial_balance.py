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
}
"""The program's side of each kind of entry: what an entry gives a member, its counter account owes."""


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
            TrialBalance(
                program_id,
                self._members[program_id],
                {
                    counter: -self.moved(program_id)[kind]
                    for kind, counter in (COUNTER_ACCOUNTS | _unknown(self.moved(program_id))).items()
                },
            )
            for program_id in sorted(self._moved.keys() | self._members.keys())
        ]


def _unknown(moved: Counter[str]) -> dict[str, str]:
    return {kind: kind for kind in sorted(moved) if kind not in COUNTER_ACCOUNTS}
