"""Remaining: what refunds leave of a purchase (points.md, rule 6). Exact: a fraction of each line."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger_service.ledger.baskets import lines_of, money_text, number_text
from ledger_service.ledger.commands import Refund, ReturnedLine
from ledger_service.ledger.purchases import Purchase
from ledger_service.ledger.refusals import ExceedsRemaining, OutOfRange

Shares = tuple[Fraction, ...]
"""What is left of each line, 0 to 1; of a purchase without lines: of the whole. Of a voided line nothing is."""


def whole(purchase: Purchase) -> Shares:
    """The shares of a purchase of which nothing came back."""
    return tuple(Fraction(0 if line.voided else 1) for line in lines_of(purchase))


def remaining_amount(purchase: Purchase, shares: Shares) -> Fraction:
    """What is left of the amount, in currency units."""
    return sum(_money_left(purchase, shares), Fraction(0))


def _money_left(purchase: Purchase, shares: Shares) -> list[Fraction]:
    return [Fraction(line.amount) * share for line, share in zip(lines_of(purchase), shares, strict=True)]


def is_nothing(purchase: Purchase, shares: Shares) -> bool:
    """Whether all that was paid came back; lines that cost nothing may stay."""
    return not (remaining_amount(purchase, shares) if purchase.amount else any(shares))


def returned(purchase: Purchase, shares: Shares, command: Refund) -> Shares | ExceedsRemaining | OutOfRange:
    """What is left after a refund.

    An amount comes off all that is left, in proportion. A line is found by its sku; lines of the same sku are taken in
    their order. Asked for what is left as it is told, rounded, it is all of it: no fraction of a cent stays behind.
    """
    if command.currency != purchase.currency:
        return OutOfRange("/currency", f"must be that of the purchase, {purchase.currency}")
    if command.amount is not None:
        return _without_amount(purchase, shares, command.amount)
    for place, line in enumerate(command.lines):
        answer = _without_line(purchase, shares, line, f"/lines/{place}")
        if isinstance(answer, ExceedsRemaining | OutOfRange):
            return answer
        shares = answer
    return shares


def _without_amount(purchase: Purchase, shares: Shares, amount: Decimal) -> Shares | ExceedsRemaining | OutOfRange:
    digits = _money_digits(purchase)
    if not _is_told_with(amount, digits):
        return OutOfRange("/amount", f"must have at most {digits} decimals, as the purchase has")
    left = remaining_amount(purchase, shares)
    taken = _taken(amount, left, digits)
    if taken > left:
        return ExceedsRemaining(money_text(left, digits))
    return tuple(share * (left - taken) / left for share in shares) if left else shares


def _without_line(
    purchase: Purchase, shares: Shares, wanted: ReturnedLine, pointer: str
) -> Shares | ExceedsRemaining | OutOfRange:
    lines = {place: line for place, line in enumerate(purchase.lines) if line.sku == wanted.sku and not line.voided}
    if not lines:
        return OutOfRange(f"{pointer}/sku", "is in no line of the purchase")
    if wanted.quantity is not None:
        field, asked, digits = "quantity", wanted.quantity, _quantity_digits(purchase)
        sizes = {place: Fraction(line.quantity) for place, line in lines.items()}
    else:
        field, asked, digits = "amount", wanted.amount or Decimal(0), _money_digits(purchase)
        sizes = {place: Fraction(line.amount) for place, line in lines.items()}
    if not _is_told_with(asked, digits):
        return OutOfRange(f"{pointer}/{field}", f"must have at most {digits} decimals")
    left = sum((size * shares[place] for place, size in sizes.items()), Fraction(0))
    taken = _taken(asked, left, digits)
    if taken > left:
        return ExceedsRemaining(number_text(left, digits) if field == "quantity" else money_text(left, digits))
    after = list(shares)
    for place, size in sizes.items():
        if size:
            part = min(taken, size * shares[place])
            taken -= part
            after[place] -= part / size
    return tuple(after)


def _is_told_with(number: Decimal, digits: int) -> bool:
    _, denominator = number.as_integer_ratio()
    return int(10**digits) % denominator == 0


def _taken(asked: Decimal, left: Fraction, digits: int) -> Fraction:
    """What was asked for, or all that is left when both are the same in so many digits, up or down."""
    taken = Fraction(asked)
    return left if abs(taken - left) * 10**digits < 1 else taken


def _money_digits(purchase: Purchase) -> int:
    return max(2, *(_digits(line.amount) for line in lines_of(purchase)))


def _quantity_digits(purchase: Purchase) -> int:
    # At least the grams of a kilogram.
    return max(3, *(_digits(line.quantity) for line in lines_of(purchase)))


def _digits(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def remaining_document(purchase: Purchase, shares: Shares) -> dict[str, Any]:
    """What is left, for people: rounded, in such a way that the lines add up to the amount."""
    digits, quantity_digits = _money_digits(purchase), _quantity_digits(purchase)
    left = _money_left(purchase, shares)
    amount = money_text(sum(left, Fraction(0)), digits)
    amounts = _rounded_to(Fraction(amount), left, digits)
    lines = []
    for line, share, money in zip(purchase.lines, shares, amounts, strict=False):
        document = {"sku": line.sku} if line.category is None else {"sku": line.sku, "category": line.category}
        document["quantity"] = number_text(Fraction(line.quantity) * share, quantity_digits)
        document["amount"] = money_text(money, digits)
        if share:
            lines.append(document)
    return {"amount": amount, "lines": lines}


def _rounded_to(total: Fraction, parts: list[Fraction], digits: int) -> list[Fraction]:
    """The parts floored; what is missing from the total then goes to those that lost most, the first of equal ones."""
    unit = Fraction(1, 10**digits)
    floored = [part // unit * unit for part in parts]
    missing = int((total - sum(floored)) / unit)
    for place in sorted(range(len(parts)), key=lambda place: floored[place] - parts[place])[:missing]:
        floored[place] += unit
    return floored


def shares_text(shares: Shares) -> list[str]:
    """As they are kept with an entry; `shares_of` is the inverse."""
    return [str(share) for share in shares]


def shares_of(texts: Iterable[str]) -> Shares:
    return tuple(Fraction(text) for text in texts)
