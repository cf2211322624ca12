"""Findings: what cannot be, if the ledger keeps its promises."""

from dataclasses import dataclass
from typing import Final

LOST, ONCE, PHANTOM, DENSE, ARITHMETIC, REAL_TIME, READS, REFUSALS, REPLAYS, ACROSS, CHAIN, LIVENESS = range(1, 13)

NAMES: Final = {
    LOST: "no lost ack",
    ONCE: "exactly once",
    PHANTOM: "no phantom",
    DENSE: "dense",
    ARITHMETIC: "arithmetic",
    REAL_TIME: "real time",
    READS: "reads",
    REFUSALS: "refusals justified",
    REPLAYS: "replays",
    ACROSS: "across accounts",
    CHAIN: "hash chain",
    LIVENESS: "liveness",
}
"""The checks, by their number."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    check: int
    where: str
    """An account and seq, a key, or an op."""
    what: str
    expected: str
    found: str

    @property
    def name(self) -> str:
        return NAMES[self.check]


def place(account_id: str, seq: int) -> str:
    """Where an entry stands, in words."""
    return f"{account_id} seq {seq}"
