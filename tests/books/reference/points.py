"""Points in and out, naively: earn, redeem, adjust, and the holds (points.md, rules 1 to 5, 7 and 9)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ledger_service.ledger.commands import Adjust, Capture, Earn, PlaceHold, Redeem, Release
from ledger_service.ledger.levels import Level
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.policies import Available
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.rules import Rule
from tests.books.reference.account import Account, Held, expiry_for
from tests.books.reference.dates import available_from, day_of
from tests.books.reference.no import No
from tests.books.reference.rules import Asked, points_of, whole

if TYPE_CHECKING:
    from tests.books.reference.books import Answer, Reference


def earn(books: Reference, command: Earn, now: datetime) -> Answer:
    account, settings = books.account(command.account_id, now), books.settings
    if repeated := _repeated(books, command, "earn"):
        return repeated
    if account.status == "closed":
        raise No("account_not_active", account.status)
    _check_day(settings, command.occurred_at, now)
    _check_dates(command, now)
    at = command.occurred_at or now
    level = account.ranking.level(now)
    asked, points = None, command.points or 0
    portions: list[tuple[int, Rule | None]] = [(points, None)]
    if command.purchase is not None:
        is_first = account.ranking.visits == 0
        asked = Asked(settings, command.purchase, at, level, is_first, whole(command.purchase))
        points, portions = points_of(asked)
    _check_size(settings, points)

    available_at = command.available_at or _available_from(settings, level, at)
    counted_from = at if available_at == ALWAYS else available_at
    if available_at <= now:
        available_at = ALWAYS
    # Of points that wait together, those of no rule are freed first, then rule by rule.
    parts = [
        (command.expires_at or expiry_for(rule, settings, level, counted_from), part, rule)
        for part, rule in sorted(portions, key=lambda portion: "" if portion[1] is None else portion[1].id)
    ]
    account.move_by_activity("earn", at)
    made = sorted((expires_at, available_at) for expires_at, part, _ in parts for _ in range(part))
    account.add(made)
    account.ranking.lifetime += points
    counts_on = None
    if command.purchase is not None or settings.ladder is not None:
        counts_on = day_of(at, settings.zone)
        spend = Decimal(0) if command.purchase is None else command.purchase.amount
        account.ranking.count(counts_on, points, spend, 0 if command.purchase is None else 1)
        account.ranking.look(now)
    line = account.write(
        "earn",
        points,
        now,
        made=made,
        waiting=parts if available_at == NEVER else [],
        settings=settings,
        level=level,
        still=points,
        asked=asked,
        counts_on=counts_on,
    )
    _remember(books, command, "earn", account)
    account.tick(now, not_before=now)
    return books.posted(command.account_id, line)


def _check_dates(command: Earn, now: datetime) -> None:
    if command.expires_at is None:
        return
    if command.expires_at <= now or (command.available_at is not None and command.available_at >= command.expires_at):
        raise No("validation_failed")


def _available_from(settings: ProgramSettings, level: Level | None, at: datetime) -> datetime:
    policy: Available = settings.available if level is None or level.available is None else level.available
    return available_from(policy, at, settings.zone)


def redeem(books: Reference, command: Redeem, now: datetime) -> Answer:
    account = books.account(command.account_id, now)
    if repeated := _repeated(books, command, "redeem"):
        return repeated
    if account.status != "active":
        raise No("account_not_active", account.status)
    _check_day(books.settings, command.occurred_at, now)
    _check_available(account, command.points, now)
    _check_size(books.settings, command.points)
    _check_day_limit(account, command.points, now)
    account.move_by_activity("redeem", command.occurred_at or now)
    taken = account.take(account.usable(now), command.points)
    account.count_redeemed(command.points, now)
    line = account.write("redeem", -command.points, now, taken=taken, still=command.points)
    _remember(books, command, "redeem", account)
    return books.posted(command.account_id, line)


def adjust(books: Reference, command: Adjust, now: datetime) -> Answer:
    account = books.account(command.account_id, now)
    if account.status == "closed":
        raise No("account_not_active", account.status)
    _check_size(books.settings, abs(command.points))
    if command.points > 0:
        account.add([(account.general_expiry(now), ALWAYS)] * command.points)
    else:
        if not command.allow_negative:
            _check_available(account, -command.points, now)
        taken = account.take(account.usable(now) + account.pending(now), -command.points)
        account.debt += -command.points - len(taken)
    return books.posted(command.account_id, account.write("adjust", command.points, now))


def place_hold(books: Reference, command: PlaceHold, now: datetime) -> Answer:
    account = books.account(command.account_id, now)
    _check_order(books, command.source, command.order_id)
    if account.status != "active":
        raise No("account_not_active", account.status)
    _check_available(account, command.points, now)
    _check_size(books.settings, command.points)
    _check_day_limit(account, command.points, now)
    expires_at = now + timedelta(seconds=command.expires_in_seconds)
    taken = account.take(account.usable(now), command.points)
    hold = Held(command.hold_id, taken, expires_at, command.source, command.order_id)
    books.holds[command.hold_id] = hold
    account.holds.append(hold)
    account.count_redeemed(command.points, now)
    return books.posted(command.account_id, account.write("hold", 0, now))


def capture(books: Reference, command: Capture, now: datetime) -> Answer:
    account_id, account, hold = _hold(books, command, now)
    _check_order(books, command.source, hold.order_id)
    wanted = len(hold.points) if command.points is None else command.points
    if wanted > len(hold.points):
        raise No("exceeds_remaining", len(hold.points))
    captured, rest = hold.points[:wanted], hold.points[wanted:]
    hold.status = "captured"
    if rest:
        account.give_back(hold, rest, now, now)
        account.tick(now, not_before=now)
    account.holds.remove(hold)
    account.move_by_activity("redeem", now)
    line = account.write("redeem", -wanted, now, taken=captured, still=wanted)
    if hold.order_id is not None:
        books.orders[command.source, "redeem", hold.order_id] = (account_id, len(account.lines))
    return books.posted(account_id, line)


def release(books: Reference, command: Release, now: datetime) -> Answer:
    account_id, account, hold = _hold(books, command, now)
    hold.status = "released"
    place = len(account.lines)
    account.give_back(hold, hold.points, now, now)
    account.tick(now, not_before=now)
    return books.posted(account_id, account.lines[place])


def _check_order(books: Reference, source: str, order_id: str | None) -> None:
    """An order is redeemed once."""
    if order_id is not None and (source, "redeem", order_id) in books.orders:
        raise No("duplicate_order", *books.orders[source, "redeem", order_id])


def _hold(books: Reference, command: Capture | Release, now: datetime) -> tuple[str, Account, Held]:
    hold = books.holds.get(command.hold_id)
    if hold is None:
        raise No("hold_not_found")
    for account_id, account in books.accounts.items():
        if hold in account.holds:
            account.tick(now)
            if hold.status == "open":
                return account_id, account, hold
    raise No("hold_not_open", hold.status)


def _repeated(books: Reference, command: Earn | Redeem, kind: str) -> Answer | None:
    """An order that was posted before is the first entry again when it means the same, and a mistake otherwise."""
    if command.order_id is None or (command.source, kind, command.order_id) not in books.orders:
        return None
    account_id, seq = books.orders[command.source, kind, command.order_id]
    line = books.accounts[account_id].lines[seq - 1]
    purchase = command.purchase if isinstance(command, Earn) else None
    is_same = (line.asked.purchase if line.asked else None) == purchase
    if purchase is None:
        is_same = is_same and abs(line.points) == command.points
    if account_id == command.account_id and is_same:
        return ("repeated", account_id, seq)
    raise No("duplicate_order", account_id, seq)


def _remember(books: Reference, command: Earn | Redeem, kind: str, account: Account) -> None:
    if command.order_id is not None:
        books.orders[command.source, kind, command.order_id] = (command.account_id, len(account.lines))


def _check_day(settings: ProgramSettings, occurred_at: datetime | None, now: datetime) -> None:
    back = timedelta(days=settings.backdate_days_max)
    if occurred_at is not None and not now - back <= occurred_at <= now + timedelta(minutes=5):
        raise No("validation_failed")


def _check_available(account: Account, points: int, now: datetime) -> None:
    available = account.available(now)
    if points > available:
        raise No("insufficient_points", available, len(account.lines))


def _check_size(settings: ProgramSettings, points: int) -> None:
    if points > settings.points_per_entry_max:
        raise No("limit_exceeded", settings.points_per_entry_max, settings.points_per_entry_max)


def _check_day_limit(account: Account, points: int, now: datetime) -> None:
    allowed = account.left_of_the_day(now)
    if points > allowed:
        raise No("limit_exceeded", account.settings.redeem_per_day_max, max(0, allowed))
