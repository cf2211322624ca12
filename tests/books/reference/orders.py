"""Taking back, naively: reversals, refunds, and orders whose points wait for an event (points.md, rules 4 and 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from ledger_service.ledger.commands import CancelOrder, ConfirmOrder, Refund, Reverse
from ledger_service.ledger.lots import ALWAYS, NEVER
from tests.books.reference.account import Account, Line, expiry_for
from tests.books.reference.no import No
from tests.books.reference.rules import Asked, TooMuch, left_after, points_of

if TYPE_CHECKING:
    from tests.books.reference.books import Answer, Reference


def reverse(books: Reference, command: Reverse, now: datetime) -> Answer:
    account = books.account(command.account_id, now)
    if not 1 <= command.seq <= len(account.lines):
        raise No("entry_not_found")
    undone = account.lines[command.seq - 1]
    if undone.kind not in ("earn", "redeem") or undone.points == 0:
        raise No("nothing_to_reverse", undone.kind)
    if undone.still == 0:
        raise No("already_reversed")
    points = undone.still if command.points is None else command.points
    if points > undone.still:
        raise No("exceeds_remaining", undone.still)
    undo = _give_back if undone.kind == "redeem" else _take_back
    return books.posted(command.account_id, undo(account, undone, points, now))


def _give_back(account: Account, undone: Line, points: int, now: datetime) -> Line:
    returned = [undone.taken.pop() for _ in range(points)]
    undone.still -= points
    account.add(account.restored(returned, now))
    line = account.write("reverse_redeem", points, now)
    account.tick(now, not_before=now)
    return line


def _take_back(account: Account, undone: Line, points: int, now: datetime) -> Line:
    """When nothing of its points is left, a purchase counts no more."""
    ranking, asked = account.ranking, undone.asked
    taken, written_off = _taken(account, undone, points, now)
    spend, visits = Decimal(0), 0
    if undone.still == 0 and asked is not None and not undone.is_uncounted:
        spend, visits, undone.is_uncounted = -_money(asked.amount), -_visit(asked), True
    if undone.counts_on is not None:
        ranking.count(undone.counts_on, -taken, spend, visits)
        ranking.look(now)
    return account.write("reverse_earn", -taken, now, written_off=written_off)


def _taken(account: Account, undone: Line, points: int, now: datetime) -> tuple[int, int]:
    taken, written_off = account.take_back(undone.made, points, now)
    undone.still -= points
    account.ranking.lifetime -= taken
    return taken, written_off


def _visit(asked: Asked) -> int:
    return 1 if asked.is_left else 0


def _money(amount: Fraction) -> Decimal:
    """Money has four places at most."""
    return Decimal(round(amount * 10_000)) / 10_000


def refund(books: Reference, command: Refund, now: datetime) -> Answer:
    earned, redeemed = _entry_of(books, command, "earn"), _entry_of(books, command, "redeem")
    if earned is None and redeemed is None:
        raise No("order_not_found")
    if earned is None or earned[1].asked is None:
        raise No("nothing_to_reverse", "redeem" if earned is None else "earn")
    line, asked = earned[1], earned[1].asked
    assert asked is not None
    left = _left(command, asked)
    account_id, account = books.last(earned[0], now)

    entries = []
    if redeemed is not None:
        holder_id, holder = books.last(redeemed[0], now)
        share = Fraction(1) - (left.amount / Fraction(asked.purchase.amount) if asked.purchase.amount else left.is_left)
        given_back = -redeemed[1].points - redeemed[1].still
        points = floor(-redeemed[1].points * share) - given_back
        if points > 0:
            entries.append(books.entry(holder_id, _give_back(holder, redeemed[1], points, now)))
    taken, written_off = _taken(account, line, max(0, line.still - points_of(left)[0]), now)
    spend, visits = _money(left.amount) - _money(asked.amount), _visit(left) - _visit(asked)
    line.asked = left
    assert line.counts_on is not None
    account.ranking.count(line.counts_on, -taken, *((Decimal(0), 0) if line.is_uncounted else (spend, visits)))
    account.ranking.look(now)
    entries.append(books.entry(account_id, account.write("reverse_earn", -taken, now, written_off=written_off)))
    return ("several", tuple(entries))


def _left(command: Refund, asked: Asked) -> Asked:
    """The purchase without what comes back."""
    if command.currency != asked.purchase.currency:
        raise No("validation_failed")
    lines = [(one.sku, _exact(one.quantity), _exact(one.amount)) for one in command.lines]
    try:
        shares = left_after(asked, _exact(command.amount), lines)
    except TooMuch:
        raise No("exceeds_remaining") from None
    if shares is None:
        raise No("validation_failed")
    return replace(asked, shares=shares)


def _exact(number: Decimal | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def confirm(books: Reference, command: ConfirmOrder, now: datetime) -> Answer:
    earned = _entry_of(books, command, "earn")
    if earned is None:
        raise No("order_not_found")
    account_id, account = books.last(earned[0], now)
    line = earned[1]
    if line.confirmed_by is not None:
        return ("repeated", *line.confirmed_by)
    if not line.waiting:
        raise No("nothing_to_reverse", "earn")
    if line.still == 0:
        raise No("already_reversed")
    assert line.settings is not None
    line.made, left = [], line.still
    for asked_for, points, rule in line.waiting:
        expires_at = expiry_for(rule, line.settings, line.level, now) if asked_for == NEVER else asked_for
        waiting = [point for point in account.points if point == (asked_for, NEVER)]
        freed = account.take(waiting, min(points, left))
        left -= len(freed)
        line.made += [(expires_at, ALWAYS)] * len(freed)
    account.points += line.made
    entry = books.entry(account_id, account.write("confirm", 0, now))
    line.confirmed_by = (account_id, len(account.lines))
    return ("several", (entry,))


def cancel(books: Reference, command: CancelOrder, now: datetime) -> Answer:
    earned = _entry_of(books, command, "earn")
    if earned is None:
        raise No("order_not_found")
    account_id, account = books.last(earned[0], now)
    if earned[1].still == 0:
        raise No("already_reversed")
    return ("several", (books.entry(account_id, _take_back(account, earned[1], earned[1].still, now)),))


def _entry_of(books: Reference, command: Refund | ConfirmOrder | CancelOrder, kind: str) -> tuple[str, Line] | None:
    place = books.orders.get((command.source, kind, command.order_id))
    return None if place is None else (place[0], books.accounts[place[0]].lines[place[1] - 1])
