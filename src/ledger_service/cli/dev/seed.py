"""Sample data: twelve weeks of real purchases, moved to end yesterday, some rewards taken and a few cards."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.resources import as_file, files
from typing import Any

from ledger_service.cli.caller import Caller, CallFailed, detail_of
from ledger_service.cli.purchases.posting import Tally, Terms, account_key, post_purchases
from ledger_service.cli.purchases.reading import BadRow, Columns, Purchase, read_purchases

SAMPLE = "purchases.csv.gz"
LAST_DAY = date(2017, 11, 26)
PREFIX = "household-"
FAVOURITE = f"{PREFIX}900"
"""The account of the calls that can be pasted: one with a long history."""

CARDS = {f"{PREFIX}{number}": f"2900{number:08d}" for number in (900, 1146, 1633)}
REWARD_POINTS = 250
"""What a reward of the sample costs. A household takes one for every two that its points would buy."""

TERMS = Terms(keeps_dates=True, concurrency=2)


async def post_sample(caller: Caller) -> Tally:
    """Post the sample, as of the day on which that was begun first: again and again posts nothing twice.

    Raises CallFailed."""
    opened = await post(caller, "/accounts", {"account_id": FAVOURITE}, account_key(FAVOURITE))
    day = date.fromisoformat(opened["created_at"][:10])
    tally = Tally()
    with as_file(files("ledger_service.cli") / "sample" / SAMPLE) as path:
        purchases = list(moved_to(day, read_purchases(path, Columns(), PREFIX)))
    await post_purchases(purchases, caller, TERMS, tally, lambda: None)
    await post(caller, "/bulk", {"mode": "independent", "operations": rewards(purchases)}, "sample-rewards")
    for account_id, card in CARDS.items():
        body = {"type": "card", "value": card}
        await post(caller, f"/accounts/{account_id}/identifiers", body, f"sample-card-{account_id}")
    return tally


def moved_to(day: date, rows: Iterable[Purchase | BadRow]) -> Iterator[Purchase]:
    """The purchases, the last of them on the day before `day`. Twelve weeks fit into the 90 days that a program
    accepts unless it is told otherwise."""
    shift = day - timedelta(days=1) - LAST_DAY
    for row in rows:
        if isinstance(row, Purchase) and row.at is not None:
            yield replace(row, at=(datetime.fromisoformat(row.at) + shift).isoformat())


def rewards(purchases: Iterable[Purchase]) -> list[dict[str, Any]]:
    """Redeems that the points of these purchases pay for."""
    points: Counter[str] = Counter()
    for purchase in purchases:
        points[purchase.account_id] += purchase.points(TERMS.rate)
    return [
        {
            "op": "redeem",
            "account_id": account_id,
            "idempotency_key": f"sample-reward-{account_id}-{number}",
            "points": REWARD_POINTS,
            "order_id": f"reward-{account_id}-{number}",
            "reason": "voucher",
        }
        for account_id, earned in points.items()
        for number in range(1, earned // REWARD_POINTS // 2 + 1)
    ]


async def post(caller: Caller, path: str, body: dict[str, Any], key: str) -> Any:
    """Post what has to work, and answer what it answers. Raises CallFailed."""
    response = await caller.post(path, body, key)
    if response.status_code not in (200, 201):
        raise CallFailed(f"The sample cannot be posted: {detail_of(response)}")
    return response.json()
