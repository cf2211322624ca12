"""What happens after a purchase: vouchers, holds, returns. Pure: the same seed, basket and answer, the same happening.

Nothing here looks at a clock or at chance, so that a run that was killed goes on to the same end."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from ledger_service.cli.year.baskets import CURRENCY, Basket

VOUCHER_POINTS = 500
VOUCHERS_MAX = 3
"""At most so many are taken at once."""

REDEEMS_SHARE = 0.3
"""How often a household that could buy a voucher does."""

RETURNS_SHARE = 0.03
RETURN_DAYS_MAX = 30
HOLD_SECONDS = 2 * 24 * 3600
"""Longer than the night after which a hold is captured or released; the forgotten ones time out in the next."""

CENT = Decimal("0.01")


class Way(StrEnum):
    """How a voucher is paid for."""

    REDEEM = "redeem"
    CAPTURE = "capture"
    CAPTURE_PART = "capture part"
    RELEASE = "release"
    FORGET = "forget"
    """The hold is left to time out."""


WAYS = (
    (0.5, Way.REDEEM),
    (0.8, Way.CAPTURE),
    (0.88, Way.CAPTURE_PART),
    (0.94, Way.RELEASE),
    (1.0, Way.FORGET),
)
"""Each up to its share of all, counted from the one before."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a bulk call."""

    account_id: str
    """Whose books it is about, also where the operation itself does not say so."""
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Return:
    """Part of a purchase that comes back on a later day."""

    day: date
    number: int
    """1 for the first of a basket."""
    amount: Decimal | None
    lines: tuple[dict[str, str], ...] = ()
    """Instead of an amount: articles and units."""


def share(seed: int, basket_id: str, question: str) -> float:
    """A number from 0 up to, but not including, 1: the basket's own answer to the question."""
    digest = blake2b(f"{seed}/{question}/{basket_id}".encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def earn(seed: int, basket: Basket) -> Operation:
    """The purchase itself."""
    return Operation(
        basket.account_id,
        {
            "op": "earn",
            "account_id": basket.account_id,
            "idempotency_key": key_of(seed, "earn", basket),
            "purchase": basket.purchase(),
            "order_id": basket.basket_id,
            "occurred_at": basket.bought_at,
        },
    )


def way_of(seed: int, basket: Basket, available: int) -> Way | None:
    """How vouchers are paid for with this basket, if they are: `available` is what the household has after it."""
    if available < VOUCHER_POINTS or share(seed, basket.basket_id, "redeems") >= REDEEMS_SHARE:
        return None
    chance = share(seed, basket.basket_id, "way")
    return next(way for below, way in WAYS if chance < below)


def payment(seed: int, basket: Basket, way: Way, available: int) -> Operation:
    """The redeem of as many vouchers as there are points for, or the hold that may become one."""
    vouchers = min(available // VOUCHER_POINTS, VOUCHERS_MAX)
    body: dict[str, Any] = {
        "account_id": basket.account_id,
        "points": vouchers * VOUCHER_POINTS,
        "order_id": basket.basket_id,
        "reason": "voucher",
    }
    if way is Way.REDEEM:
        return Operation(basket.account_id, {"op": "redeem", "idempotency_key": key_of(seed, "redeem", basket), **body})
    return Operation(
        basket.account_id,
        {
            "op": "hold",
            "idempotency_key": key_of(seed, "hold", basket),
            "expires_in_seconds": HOLD_SECONDS,
            **body,
        },
    )


def end_of_hold(seed: int, basket: Basket, way: Way, hold: dict[str, Any]) -> Operation | None:
    """What becomes of a hold on the next day; nothing for one that is forgotten."""
    named = {"hold_id": hold["hold_id"]}
    match way:
        case Way.CAPTURE:
            body = {"op": "capture", "idempotency_key": key_of(seed, "capture", basket), **named}
        case Way.CAPTURE_PART:
            part = hold["points"] * 3 // 5
            body = {"op": "capture", "idempotency_key": key_of(seed, "capture", basket), "points": part, **named}
        case Way.RELEASE:
            body = {"op": "release", "idempotency_key": key_of(seed, "release", basket), **named}
        case _:
            return None
    return Operation(basket.account_id, body)


def returns_of(seed: int, basket: Basket) -> tuple[Return, ...]:
    """What comes back of a basket: mostly nothing, else all of it, all of it in two parts, or some of its lines."""
    if basket.amount < 2 * CENT or share(seed, basket.basket_id, "returns") >= RETURNS_SHARE:
        return ()
    later = 1 + int(share(seed, basket.basket_id, "return day") * RETURN_DAYS_MAX)
    first_day = basket.day + timedelta(days=later)
    kind = share(seed, basket.basket_id, "return kind")
    if kind < 0.4:
        return (Return(first_day, 1, basket.amount),)
    if kind < 0.7 or not basket.lines:
        half = (basket.amount / 2).quantize(CENT, ROUND_FLOOR)
        second_day = basket.day + timedelta(days=min(later + 3, RETURN_DAYS_MAX))
        return (Return(first_day, 1, half), Return(second_day, 2, basket.amount - half))
    seen: set[str] = set()
    back: list[dict[str, str]] = []
    for line in basket.lines:
        # Two lines of one article are one article to a refund, which is matched by sku.
        if line.sku not in seen and (not back or share(seed, f"{basket.basket_id}/{line.sku}", "line") < 0.3):
            back.append({"sku": line.sku, "quantity": line.quantity})
        seen.add(line.sku)
    return (Return(first_day, 1, None, tuple(back)),)


def refund(seed: int, basket: Basket, back: Return) -> Operation:
    """The refund of what comes back."""
    part = {"lines": list(back.lines)} if back.amount is None else {"amount": f"{back.amount:f}"}
    return Operation(
        basket.account_id,
        {
            "op": "refund",
            "idempotency_key": key_of(seed, f"refund-{back.number}", basket),
            "order_id": basket.basket_id,
            "currency": CURRENCY,
            "reason": "goods returned",
            **part,
        },
    )


def key_of(seed: int, verb: str, basket: Basket) -> str:
    """The idempotency key: always the same for the same happening, so that it is posted once."""
    return f"year-{seed}-{verb}-{basket.basket_id}"
