"""The rules of the books on a few pages, naively: every single point is a pair of dates in a list.

No lots, no batches, nothing shared with the service but values. Tiers, campaigns, lines, further rules, keys, limits,
unmerging, statuses and all else that is missing here is left to the large model in `reference/`.
"""

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import floor, inf
from types import SimpleNamespace
from typing import Any

from ledger_service.ledger import commands as ask
from ledger_service.ledger.lots import ALWAYS, NEVER
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.purchases import Purchase

Point = tuple[datetime, datetime]
"""The first instant at which it is gone, and the first at which it can be used. Points are spent in this order."""


class Instead(Exception):
    """The answer to a command that writes nothing."""


def require(claim: object, code: str, *numbers: object) -> None:
    if not claim:
        raise Instead("refused", code, *numbers)


class Entry(SimpleNamespace):
    """account_id, seq, kind, points, and `numbers`: balance, available and held after it, what it wrote off. Moreover
    of an earn: `dates` of its points, the money `left` of its purchase; of a redeem or a hold: `taken`, the points it
    still has, in the order of taking; of an earn or a redeem: how many are `still` not reversed; of a hold: `until`."""


@dataclass(eq=False)
class Account:
    account_id: str
    settings: ProgramSettings
    points: list[Point] = field(default_factory=list)
    debt: int = 0
    lifetime: int = 0
    holds: list[Entry] = field(default_factory=list)
    lines: list[Entry] = field(default_factory=list)
    merged_into: str = ""

    def usable(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] <= now < point[0])

    def pending(self, now: datetime) -> list[Point]:
        return sorted(point for point in self.points if point[1] > now)

    def available(self, now: datetime) -> int:
        return len(self.usable(now)) - self.debt

    def write(self, kind: str, points: int, at: datetime, written_off: int = 0, **facts: Any) -> Entry:
        """The next entry, when what it tells was done."""
        entry = Entry(account_id=self.account_id, seq=len(self.lines) + 1, kind=kind, points=points, **facts)
        self.lines.append(entry)
        self.holds += [entry] if kind == "hold" else []
        held = sum(len(hold.taken) for hold in self.holds)
        entry.numbers = (len(self.points) + held - self.debt, self.available(at), held, written_off)
        return entry

    def take(self, candidates: list[Point], most: int) -> list[Point]:
        for point in candidates[:most]:
            self.points.remove(point)
        return candidates[:most]

    def spend(self, points: int, now: datetime) -> list[Point]:
        require(points <= self.available(now), "insufficient_points", self.available(now), len(self.lines))
        return self.take(self.usable(now), points)

    def add(self, points: list[Point]) -> None:
        paid = min(self.debt, len(points))
        self.debt -= paid
        self.points += points[paid:]

    def tick(self, now: datetime, not_before: datetime = ALWAYS) -> None:
        """What is due happens at its instant, holds first; what came back too late goes when it came (`not_before`)."""
        while (due := min([NEVER, *(hold.until for hold in self.holds), *(point[0] for point in self.points)])) <= now:
            not_before = max(due, not_before)
            if ending := [hold for hold in self.holds if hold.until == due]:
                self.end(min(ending, key=lambda hold: hold.asked.hold_id), not_before, "timed_out")
            else:
                gone = self.take(sorted(self.points), self.points.count(min(self.points)))
                self.write("expire", -len(gone), not_before)

    def end(self, hold: Entry, at: datetime, status: str, captured: int = 0) -> list[Entry]:
        """What is not captured goes back where it came from."""
        back, hold.taken, hold.status = hold.taken[captured:], hold.taken[:captured], status
        self.add(back)
        self.holds = [one for one in self.holds if one.taken]
        return [self.write("release", 0, at)] if back else []

    def midnight(self, instant: datetime, months: int | None, days: int | None, more: int = 1) -> datetime:
        """That begins the day so long, and one day, after this local day. A month that is too short ends early."""
        today = instant.astimezone(self.settings.zone).date()
        year, month = divmod(today.year * 12 + today.month - 1 + (months or 0), 12)
        day = date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])) + timedelta((days or 0) + more)
        return datetime.combine(day, time(), self.settings.zone).astimezone(UTC)

    def expiry(self, begin: datetime) -> datetime:
        """Points live through the whole last day; while they wait for an event they do not age."""
        policy = self.settings.expiry
        return self.midnight(begin, policy.months, policy.days) if policy.mode == "after" and begin != NEVER else NEVER

    def earns(self, purchase: Purchase, left: Fraction) -> int:
        """By the one rule for what is left of a purchase; nothing for the part that was paid with points."""
        if not self.settings.rules or left == 0:
            return 0
        rule = self.settings.rules[0]
        steps = left * (1 - Fraction(purchase.redeemed_value) / Fraction(purchase.amount)) / Fraction(rule.per or 1)
        return floor(steps) * rule.points if rule.whole_steps else floor(steps * rule.points)

    def give_back(self, redeem: Entry, points: int, now: datetime) -> Entry:
        """Newest consumption first, with their dates; some programs give those that are gone a few days more."""
        grace = self.settings.restore_expired
        kept, back = self.midnight(now, 0, grace.days), [redeem.taken.pop() for _ in range(points)]
        self.add([(kept, ALWAYS) if grace.mode == "grace" and point[0] <= now else point for point in back])
        redeem.still -= points
        entry = self.write("reverse_redeem", points, now)
        self.tick(now, not_before=now)
        return entry

    def take_back(self, earn: Entry, points: int, now: datetime) -> Entry:
        """Its own points first, then what can be spent, then what is pending, then as much debt as may be."""
        missing = points - len(self.take([point for point in self.points if point == earn.dates], points))
        missing -= len(self.take(self.usable(now) + self.pending(now), missing))
        policy = self.settings.clawback
        share = inf if policy.percent is None else max(0, self.lifetime) * policy.percent // 100
        limit = min(share, inf if policy.points is None else policy.points)
        owed = min(missing, max(0, {"allow_debt": inf, "clamp": 0, "limit": limit}[policy.mode] - self.debt))
        taken = points - missing + owed
        self.debt, self.lifetime = self.debt + owed, self.lifetime - taken
        earn.still -= points
        return self.write("reverse_earn", -taken, now, written_off=points - taken)


@dataclass
class NaiveBooks:
    """The books of one program, one command after the other. A verb is the method with the name of its command."""

    settings: ProgramSettings
    accounts: dict[str, Account] = field(default_factory=dict)
    holds: dict[str, Entry] = field(default_factory=dict)

    def answer(self, command: ask.Command, now: datetime) -> tuple[Any, ...]:
        """("posted", *entries), ("repeated", entry) or ("refused", code, *numbers)."""
        try:
            return ("posted", *getattr(self, type(command).__name__.lower())(command, now))
        except Instead as instead:
            return instead.args

    def account(self, account_id: str, now: datetime, *, follow: bool = False) -> Account:
        """With its due work done; `follow`: the one in which it lives on."""
        require(account_id in self.accounts, "account_not_found")
        account = self.accounts[account_id]
        require(follow or not account.merged_into, "account_merged", account.merged_into)
        if account.merged_into:
            return self.account(account.merged_into, now, follow=True)
        account.tick(now)
        return account

    def order(self, command: Any, kind: str) -> Entry | None:
        """The entry of the command's order, by what was asked."""
        lines = [entry for account in self.accounts.values() for entry in account.lines if entry.kind == kind]
        found = [one for one in lines if (one.asked.source, one.asked.order_id) == (command.source, command.order_id)]
        return found[0] if found and command.order_id else None

    def once(self, command: Any, kind: str) -> None:
        """An order counts once. Whoever asks for the same again is told of its entry."""
        if first := self.order(command, kind):
            one, two = ((it.account_id, it.points, getattr(it, "purchase", None)) for it in (first.asked, command))
            require(
                one == two and not isinstance(command, ask.PlaceHold), "duplicate_order", first.account_id, first.seq
            )
            raise Instead("repeated", first)

    def openaccount(self, command: ask.OpenAccount, now: datetime) -> list[Entry]:
        require(command.account_id not in self.accounts, "account_exists")
        self.accounts[command.account_id] = Account(command.account_id, self.settings)
        return []

    def earn(self, command: ask.Earn, now: datetime) -> list[Entry]:
        account, purchase, policy = self.account(command.account_id, now), command.purchase, self.settings.available
        self.once(command, "earn")
        require((command.expires_at or NEVER) > max(now, command.available_at or now), "validation_failed")
        left = Fraction(purchase.amount if purchase else 0)
        points = account.earns(purchase, left) if purchase else command.points or 0
        after = account.midnight(now, policy.months, policy.days, more=0)
        usable_from = command.available_at or {"immediately": now, "after": after, "on_event": NEVER}[policy.mode]
        dates = (command.expires_at or account.expiry(usable_from), usable_from if usable_from > now else ALWAYS)
        account.add([dates] * points)
        account.lifetime += points
        facts = {"asked": command, "still": points, "dates": dates, "left": left, "confirmed_by": None}
        entry = account.write("earn", points, now, **facts)
        account.tick(now, not_before=now)
        return [entry]

    def redeem(self, command: ask.Redeem, now: datetime) -> list[Entry]:
        account, points = self.account(command.account_id, now), command.points
        self.once(command, "redeem")
        return [account.write("redeem", -points, now, asked=command, still=points, taken=account.spend(points, now))]

    def adjust(self, command: ask.Adjust, now: datetime) -> list[Entry]:
        account, lost = self.account(command.account_id, now), -command.points
        if lost < 0:
            account.add([(account.expiry(now), ALWAYS)] * -lost)
        elif command.allow_negative:
            account.debt += lost - len(account.take(account.usable(now) + account.pending(now), lost))
        else:
            account.spend(lost, now)
        return [account.write("adjust", command.points, now)]

    def placehold(self, command: ask.PlaceHold, now: datetime) -> list[Entry]:
        account, until = self.account(command.account_id, now), now + timedelta(seconds=command.expires_in_seconds)
        self.once(command, "redeem")
        facts = {"asked": command, "taken": account.spend(command.points, now), "until": until, "status": "open"}
        self.holds[command.hold_id] = account.write("hold", 0, now, **facts)
        return [self.holds[command.hold_id]]

    def end_hold(self, command: ask.Capture | ask.Release, now: datetime) -> list[Entry]:
        """A release captures nothing."""
        require(command.hold_id in self.holds, "hold_not_found")
        hold = self.holds[command.hold_id]
        account = self.account(hold.account_id, now, follow=True)
        require(hold.status == "open", "hold_not_open", hold.status)
        points = (command.points or len(hold.taken)) if isinstance(command, ask.Capture) else 0
        if points:
            self.once(replace(hold.asked, source=command.source), "redeem")
        require(points <= len(hold.taken), "exceeds_remaining", len(hold.taken))
        entries = account.end(hold, now, "captured" if points else "released", captured=points)
        account.tick(now, not_before=now)
        if points:
            account.holds.remove(hold)
            asked = replace(hold.asked, account_id=account.account_id, source=command.source, points=points)
            entries = [account.write("redeem", -points, now, asked=asked, still=points, taken=hold.taken)]
        return entries

    capture = release = end_hold

    def reverse(self, command: ask.Reverse, now: datetime) -> list[Entry]:
        account = self.account(command.account_id, now)
        require(command.seq <= len(account.lines), "entry_not_found")
        undone = account.lines[command.seq - 1]
        require(undone.kind in ("earn", "redeem") and undone.points, "nothing_to_reverse", undone.kind)
        require(undone.still, "already_reversed")
        points = command.points or undone.still
        require(points <= undone.still, "exceeds_remaining", undone.still)
        return [(account.take_back if undone.kind == "earn" else account.give_back)(undone, points, now)]

    def change_order(self, command: ask.Refund | ask.ConfirmOrder | ask.CancelOrder, now: datetime) -> list[Entry]:
        earn, spent = self.order(command, "earn"), self.order(command, "redeem")
        require(earn or not spent or not isinstance(command, ask.Refund), "nothing_to_reverse", "redeem")
        require(earn, "order_not_found")
        account, purchase = self.account(earn.account_id, now, follow=True), earn.asked.purchase
        if isinstance(command, ask.Refund):  # redeemed points return in proportion, then the excess is taken back
            require(purchase, "nothing_to_reverse", "earn")
            require(command.amount <= earn.left, "exceeds_remaining")
            earn.left -= Fraction(command.amount)
            share = 1 - earn.left / Fraction(purchase.amount)
            back = floor(-spent.points * share) + spent.points + spent.still if spent else 0
            entries = [self.account(spent.account_id, now, follow=True).give_back(spent, back, now)] if back > 0 else []
            return [*entries, account.take_back(earn, max(0, earn.still - account.earns(purchase, earn.left)), now)]
        if isinstance(command, ask.ConfirmOrder):  # what still waits can be used from now on, and ages from now on
            if earn.confirmed_by:
                raise Instead("repeated", earn.confirmed_by)
            require(earn.points and earn.dates[1] == NEVER, "nothing_to_reverse", "earn")
        require(earn.still, "already_reversed")
        if isinstance(command, ask.CancelOrder):
            return [account.take_back(earn, earn.still, now)]
        freed = account.take([point for point in account.points if point == earn.dates], earn.still)
        dates = (account.expiry(now) if earn.dates[0] == NEVER else earn.dates[0], ALWAYS)
        account.points += [dates] * len(freed)
        earn.dates, earn.confirmed_by = dates if freed else None, account.write("confirm", 0, now)
        return [earn.confirmed_by]

    refund = confirmorder = cancelorder = change_order

    def transfer(self, command: ask.Transfer, now: datetime) -> list[Entry]:
        account, other = (self.account(account_id, now) for account_id in (command.account_id, command.to_account))
        require(account is not other, "validation_failed")
        other.add(account.spend(command.points, now))
        return [account.write("transfer_out", -command.points, now), other.write("transfer_in", command.points, now)]

    def merge(self, command: ask.Merge, now: datetime) -> list[Entry]:
        account, other = (self.account(account_id, now) for account_id in (command.account_id, command.into))
        require(account is not other, "validation_failed")
        balance, account.merged_into = account.lines[-1].numbers[0] if account.lines else 0, command.into
        other.points, account.points = other.points + account.points, []
        other.holds, account.holds = other.holds + account.holds, []
        other.lifetime, account.lifetime = other.lifetime + account.lifetime, 0
        debt, account.debt = other.debt + account.debt, 0
        other.debt = debt - len(other.take(other.usable(now) + other.pending(now), debt))
        return [account.write("merge_out", -balance, now), other.write("merge_in", balance, now)]
