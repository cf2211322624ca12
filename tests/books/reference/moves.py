"""Points that change their account, naively, and tiers given by hand (points.md, rules 8 and 10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ledger_service.ledger.commands import Merge, SetTier, Transfer, Unmerge
from ledger_service.ledger.lots import ALWAYS, NEVER
from tests.books.reference.account import Account, Held, Point
from tests.books.reference.no import No
from tests.books.reference.tiers import Ranking, Reached

if TYPE_CHECKING:
    from tests.books.reference.books import Answer, Reference

UNMERGE_MAX = timedelta(days=30)
NOTHING_REDEEMED = (date.min, 0)


@dataclass
class Merged:
    """What moved with a merge, as it was."""

    into: str
    at: datetime
    status: str
    points: list[Point]
    debt: int
    holds: list[Held]
    ranking: Ranking
    cards: list[tuple[str, bytes]]


def transfer(books: Reference, command: Transfer, now: datetime) -> Answer:
    account = books.account(command.account_id, now)
    if command.account_id == command.to_account:
        raise No("validation_failed")
    receiver = books.accounts.get(command.to_account)
    if receiver is None:
        raise No("account_not_found")
    receiver.tick(now)
    if account.status != "active":
        raise No("account_not_active", account.status)
    if receiver.status == "merged":
        raise No("account_merged", receiver.merged_into)
    if receiver.status == "closed":
        raise No("account_not_active", receiver.status)
    available = account.available(now)
    if command.points > available:
        raise No("insufficient_points", available, len(account.lines))
    if command.points > books.settings.points_per_entry_max:
        raise No("limit_exceeded", books.settings.points_per_entry_max, books.settings.points_per_entry_max)
    moving = account.take(account.usable(now), command.points)
    out = account.write("transfer_out", -command.points, now)
    if books.settings.transfer_expiry == "restart":
        moving = [(receiver.general_expiry(now), ALWAYS)] * command.points
    receiver.add(moving)
    into = receiver.write("transfer_in", command.points, now)
    return ("several", (books.entry(command.account_id, out), books.entry(command.to_account, into)))


def merge(books: Reference, command: Merge, now: datetime) -> Answer:
    source = books.account(command.account_id, now)
    if command.account_id == command.into:
        raise No("validation_failed")
    survivor = books.accounts.get(command.into)
    if survivor is None:
        raise No("account_not_found")
    survivor.tick(now)
    if survivor.status == "merged":
        raise No("account_merged", survivor.merged_into)
    for account in (source, survivor):
        if account.status == "closed":
            raise No("account_not_active", account.status)
    cards = [card for card, (holder, _) in books.identifiers.items() if holder == command.account_id]
    ranking, other = source.ranking, survivor.ranking
    moved = Merged(command.into, now, source.status, source.points, source.debt, source.holds, ranking, cards)
    books.merges[command.account_id] = moved

    balance = len(source.points) + source.held - source.debt
    source.points, source.debt, source.holds = [], 0, []
    source.ranking = Ranking(books.settings, ranking.opened_at)
    source.redeemed = NOTHING_REDEEMED
    source.status, source.merged_into = "merged", command.into
    out = source.write("merge_out", -balance, now)
    survivor.points += moved.points
    survivor.debt += moved.debt
    survivor.holds += moved.holds
    candidates = survivor.usable(now) + survivor.pending(now)
    survivor.debt -= len(survivor.take(candidates, survivor.debt))
    other.lifetime += ranking.lifetime
    other.spend += ranking.spend
    other.visits += ranking.visits
    other.done += ranking.done
    other.reached = max(other.reached, ranking.reached, key=_rank)
    other.floor = max(other.floor, ranking.floor, key=lambda floor: _floor_rank(books, floor))
    other.look(now)
    for card in cards:
        books.identifiers[card] = (command.into, books.identifiers[card][1])
    into = survivor.write("merge_in", balance, now)
    return ("several", (books.entry(command.account_id, out), books.entry(command.into, into)))


def _rank(reached: Reached | None) -> tuple[int, datetime]:
    return (-1, NEVER) if reached is None else (reached.place, reached.valid_until)


def _floor_rank(books: Reference, floor: tuple[str, datetime] | None) -> tuple[int, datetime]:
    ladder = books.settings.ladder
    return (-1, NEVER) if floor is None or ladder is None else (ladder.place(floor[0]), floor[1])


def unmerge(books: Reference, command: Unmerge, now: datetime) -> Answer:
    source = books.accounts.get(command.account_id)
    if source is None:
        raise No("account_not_found")
    if source.status != "merged":
        raise No("nothing_to_reverse", "merge")
    moved = books.merges[command.account_id]
    survivor = books.accounts[moved.into]
    if survivor.status != "merged":
        survivor.tick(now)
    if now - moved.at > UNMERGE_MAX:
        raise No("nothing_to_reverse", "merge")
    if survivor.status == "merged":
        raise No("account_merged", survivor.merged_into)
    wanted = sorted(point for point in moved.points if point[0] > now)
    there = survivor.usable(now) + survivor.pending(now)
    if len(wanted) > len(there):
        raise No("insufficient_points", len(there), len(survivor.lines))

    missing = sum(1 for point in wanted if not survivor.take([one for one in survivor.points if one == point], 1))
    survivor.take(survivor.usable(now) + survivor.pending(now), missing)
    source.points = wanted
    source.debt = min(moved.debt, survivor.debt)
    survivor.debt -= source.debt
    source.holds = [hold for hold in moved.holds if hold in survivor.holds]
    survivor.holds = [hold for hold in survivor.holds if hold not in source.holds]
    source.ranking, other = moved.ranking, survivor.ranking
    other.lifetime -= source.ranking.lifetime
    other.spend -= source.ranking.spend
    other.visits -= source.ranking.visits
    other.done += [(day, -points, -spend, -visits) for day, points, spend, visits in source.ranking.done]
    source.status, source.merged_into = moved.status, None
    for card in moved.cards:
        if books.identifiers.get(card, ("",))[0] == moved.into:
            books.identifiers[card] = (command.account_id, books.identifiers[card][1])
    balance = len(source.points) + source.held - source.debt
    out = survivor.write("merge_out", -balance, now)
    into = source.write("merge_in", balance, now)
    answer = ("several", (books.entry(moved.into, out), books.entry(command.account_id, into)))
    source.tick(now, not_before=now)
    return answer


def set_tier(books: Reference, command: SetTier, now: datetime) -> Answer:
    account: Account = books.account(command.account_id, now)
    ladder = books.settings.ladder
    if command.tier is not None and (ladder is None or ladder.place(command.tier) < 0):
        raise No("validation_failed")
    if command.until is not None and command.until <= now:
        raise No("validation_failed")
    account.ranking.floor = None if command.tier is None else (command.tier, command.until or NEVER)
    account.write("tier", 0, now)
    return ("answered",)
