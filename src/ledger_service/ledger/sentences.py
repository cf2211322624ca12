"""Sentences: what an entry, or a whole balance, says in words that a shop assistant can read out."""

from datetime import date, datetime
from typing import Final

from ledger_service.ledger.calendar import day_begins, local_day
from ledger_service.ledger.details import Detail, detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.lots import MICROSECOND, NEVER, instant, pending
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.states import AccountState

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def sentence_of(entry: Entry, settings: ProgramSettings) -> str:
    """What happened, in the past tense. Days are those of the program's time zone."""
    words = _Words(settings)
    detail = detail_of(entry)
    text = f"{_happened(entry, detail, words)}{_of_order(entry)}{_afterthought(entry, detail, words)}."
    if entry.written_off:
        text += f" {words.points(entry.written_off)} more should have been taken back but {words.were} let go."
    if "tier" in detail and entry.kind != "tier":
        text += f" {_tier(detail)}."
    if entry.reason:
        text += f" Reason: {entry.reason.rstrip('.')}."
    return text


def balance_sentence(account: AccountState, settings: ProgramSettings, now: datetime) -> str:
    """What the account has, its due work done: what of it can be used, when the rest can, and what goes next."""
    words = _Words(settings)
    can_be_used = account.available(now)
    sentences = [f"{words.points(max(0, can_be_used))} can be used now"]
    waiting = [lot for lot in account.lots if lot.available_at > now]
    dated = [lot.available_at for lot in waiting if lot.available_at != NEVER]
    if waiting:
        more = words.points(pending(account.lots, now))
        when = f"the first of them from {words.from_moment(min(dated))} on" if dated else "once the order is confirmed"
        sentences.append(f"{more} {words.were} earned but cannot be used yet: {when}")
    if account.held:
        until = f" until {words.moment(account.holds[0].expires_at)}" if len(account.holds) == 1 else ""
        sentences.append(f"{words.points(account.held)} {words.were} set aside for a purchase{until}")
    if account.debt:
        sentences.append(
            f"{words.points(account.debt)} {words.are} owed and will be taken off the next {words.many} earned"
        )
    if account.lots and (gone_at := account.lots[0].expires_at) != NEVER:
        going = sum(lot.remaining for lot in account.lots if lot.expires_at == gone_at)
        sentences.append(f"{words.points(going)} can be used {words.through(gone_at)}, then {words.are} gone")
    return ". ".join(sentences) + "."


class _Words:
    """A program's words for points, and its days. `were` and `are` fit the number said last."""

    def __init__(self, settings: ProgramSettings) -> None:
        self.one, self.many = settings.point_name
        self.zone = settings.zone
        self.were, self.are = "were", "are"

    def points(self, points: int) -> str:
        self.were, self.are = ("was", "is") if points == 1 else ("were", "are")
        return f"{points:,} {self.one if points == 1 else self.many}"

    def day(self, day: date) -> str:
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"

    def on(self, moment: datetime) -> str:
        return f"on {self.day(local_day(moment, self.zone))}"

    def moment(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%H:%M} on {self.day(local_day(moment, self.zone))}"

    def from_moment(self, moment: datetime) -> str:
        day = local_day(moment, self.zone)
        return self.day(day) if day_begins(day, self.zone) == moment else self.moment(moment)

    def through(self, gone_at: datetime) -> str:
        """Until when points can be used that are gone at this instant."""
        if day_begins(local_day(gone_at, self.zone), self.zone) != gone_at:
            return f"until {self.moment(gone_at)}"
        return f"through {self.day(local_day(gone_at - MICROSECOND, self.zone))}"


def _happened(entry: Entry, detail: Detail, words: _Words) -> str:
    """What the entry did, and on which day."""
    on = words.on(entry.occurred_at)
    match entry.kind:
        case "earn" if entry.points:
            return f"{words.points(entry.points)} {words.were} earned {on}{_purchase(detail)}"
        case "earn":
            return f"No {words.many} were earned {on}{_purchase(detail)}"
        case "redeem":
            return f"{words.points(-entry.points)} {words.were} redeemed {on}"
        case "expire":
            return f"{words.points(-entry.points)} {_expired(entry, words)}"
        case "reverse_earn":
            return f"{words.points(-entry.points)} {words.were} taken back {on}"
        case "reverse_redeem":
            return f"{words.points(entry.points)} redeemed before {words.were} given back {on}"
        case "adjust":
            done = "added" if entry.points > 0 else "taken off"
            return f"{words.points(abs(entry.points))} {words.were} {done} by a correction {on}"
        case "hold":
            until = words.moment(instant(detail["hold"]["expires_at"]))
            return f"{words.points(detail['hold']['points'])} {words.were} set aside {on}, until {until} at most"
        case "release":
            late = ", since the time was up" if detail.get("timed_out") else ""
            return f"{words.points(_incoming(entry))} set aside before came back {on}{late}"
        case "confirm":
            return f"{words.points(_incoming(entry))} that waited for a confirmation {words.were} freed {on}"
        case "tier":
            return f"{_tier(detail)} {on}"
        case _:
            return _moved(entry, detail, words)


def _moved(entry: Entry, detail: Detail, words: _Words) -> str:
    """What a transfer or a merge did, and on which day."""
    on, other, points = words.on(entry.occurred_at), detail.get("counterpart"), words.points(abs(entry.points))
    if (entry.points < 0) == entry.kind.endswith("_in") and entry.points:
        points = f"a debt of {points}"
    is_undone = "undoes" in detail.get("merged", ())
    match entry.kind:
        case "transfer_out":
            return f"{points} {words.were} transferred to account {other} {on}"
        case "transfer_in":
            return f"{points} {words.were} transferred from account {other} {on}"
        case "merge_out" if is_undone:
            return f"The merge of account {other} was undone {on}: {points} went back to it"
        case "merge_in" if is_undone:
            return f"The merge into account {other} was undone {on}: {points} came back"
        case "merge_out":
            return f"This account was merged into account {other} {on}: {points} moved there"
        case _:
            return f"Account {other} was merged into this one {on} and brought {points}"


def _expired(entry: Entry, words: _Words) -> str:
    if any(movement.expires_at < entry.occurred_at for movement in entry.movements):
        return f"came back {words.on(entry.occurred_at)}, after their date, and expired at once"
    return f"could be used {words.through(entry.occurred_at)} and expired then"


def _incoming(entry: Entry) -> int:
    return sum(movement.points for movement in entry.movements if movement.points > 0)


def _purchase(detail: Detail) -> str:
    purchase = detail.get("purchase")
    return "" if purchase is None else f" with a purchase of {purchase['amount']} {purchase['currency']}"


def _of_order(entry: Entry) -> str:
    return "" if entry.order_id is None else f" (order {entry.order_id})"


def _afterthought(entry: Entry, detail: Detail, words: _Words) -> str:
    """What becomes of points that came in: what they paid, and their dates."""
    if entry.kind not in ("earn", "reverse_redeem", "adjust", "transfer_in") or entry.points <= 0:
        return ""
    text = ""
    owed = entry.points - sum(movement.points for movement in entry.movements)
    if owed > 0:
        text += f"; {words.points(owed)} of them paid what was owed"
    if entry.kind != "earn" or owed == entry.points:
        return text
    if entry.available_at == NEVER:
        text += "; they can be used once the order is confirmed"
    elif entry.available_at is not None:
        text += f"; they can be used from {words.from_moment(entry.available_at)} on"
    if entry.expires_at is not None:
        begun = "," if entry.available_at is not None else "; they can be used"
        first = " (the first of them)" if len(detail.get("parts", ())) > 1 else ""
        text += f"{begun} {words.through(entry.expires_at)}{first}"
    return text


def _tier(detail: Detail) -> str:
    tier, floor = detail.get("tier"), detail.get("floor")
    if tier is None and floor is None:
        return "The tier ended"
    names = [place[0] for place in (tier, floor) if place is not None]
    given = ", given by hand" if tier is None else ""
    return f"The tier became {names[0]}{given}"
