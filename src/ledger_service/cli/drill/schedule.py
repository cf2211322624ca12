"""When a drill's callers come, and what for: drawn before the first byte is sent, so that no stall thins them out."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an operation wants, in the words of the recorded history."""

    EARN = "earn"
    REDEEM = "redeem"
    REVERSE = "reverse"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    TRANSFER = "transfer"
    BALANCE = "balance"


READS = frozenset({Kind.BALANCE})

SHARES: tuple[tuple[Kind, float], ...] = (
    (Kind.EARN, 0.38),
    (Kind.REDEEM, 0.20),
    (Kind.BALANCE, 0.20),
    (Kind.REVERSE, 0.05),
    (Kind.HOLD, 0.06),
    (Kind.CAPTURE, 0.03),
    (Kind.RELEASE, 0.02),
    (Kind.TRANSFER, 0.06),
)
"""How often each is wanted. More is earned than taken, yet redeems are large enough that some are refused."""

HOT_SHARE = 0.3
"""The share of operations that go to the hot accounts, where everyone waits for the same row."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes, and how often."""

    run: str
    """Begins every account, key and order of this drill."""
    seed: int
    rate: float
    """Operations a second, on average."""
    accounts: int = 40
    hot: int = 2
    repeats: float = 0.1
    """How often an operation is sent once more after it has succeeded, on average."""
    order_share: float = 0.5
    kinds: tuple[tuple[Kind, float], ...] = SHARES

    def account_ids(self) -> list[str]:
        """All accounts, the hot ones first."""
        return [f"{self.run}-m{number}" for number in range(1, self.accounts + 1)]


@dataclass(frozen=True, slots=True)
class Intent:
    """One operation as it was drawn. What it undoes or captures is found when it is sent; if nothing is, it earns."""

    number: int
    at: float
    """Seconds after the start of the load."""
    kind: Kind
    account_id: str
    to_account: str
    points: int
    order_id: str | None
    repeats: int
    """How often it is sent once more, under the same key, after it has succeeded."""


def intents(crowd: Crowd) -> Iterator[Intent]:
    """Operations without end, as a Poisson process draws them. The same seed draws the same ones."""
    chance = random.Random(crowd.seed)  # noqa: S311 - draws load, protects nothing
    ids = crowd.account_ids()
    kinds, shares = zip(*crowd.kinds, strict=True)
    at, number = 0.0, 0
    while True:
        at += chance.expovariate(crowd.rate)
        number += 1
        kind: Kind = chance.choices(kinds, shares)[0]
        hot = chance.random() < HOT_SHARE
        account_id = chance.choice(ids[: crowd.hot] if hot else ids)
        other = chance.choice(ids)
        yield Intent(
            number=number,
            at=at,
            kind=Kind.EARN if kind is Kind.TRANSFER and other == account_id else kind,
            account_id=account_id,
            to_account=other,
            points=chance.randint(1, 60) if kind is Kind.EARN else chance.randint(1, 90),
            order_id=f"{crowd.run}-o{number}" if chance.random() < crowd.order_share else None,
            repeats=int(crowd.repeats + chance.random()),
        )
