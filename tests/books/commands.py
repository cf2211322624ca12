"""Random commands: few accounts, few orders and few dates, so that everything meets everything."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    Earn,
    OpenAccount,
    PlaceHold,
    Redeem,
    Refund,
    Release,
    Reverse,
    RevokeIdentifier,
    Together,
)
from ledger_service.ledger.purchases import Line, Purchase
from tests.books.drawing import at_once, weighted
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    cancel,
    capture,
    claim,
    confirm,
    earn,
    fingerprint_of,
    merge,
    open_account,
    place_hold,
    purchase,
    redeem,
    refund,
    release,
    returned,
    reverse,
    revoke,
    set_status,
    set_tier,
    settle_due,
    together,
    transfer,
    unmerge,
)

Batch = tuple[datetime, list[Command]]
"""What is asked at one instant."""

ACCOUNTS = ("a", "b", "c")
"""The first two are open from the start."""


def named_again(command: Command) -> Command:
    """The command, whose meaning was changed, with the fingerprint of what it means now."""
    return replace(command, fingerprint=fingerprint_of(command))


_points = st.sampled_from([1, 2, 2, 3, 3, 4, 5, 6, 12, 20])
_ACCOUNT = "aaaaaabbbc"
_SOURCE = [*["till"] * 8, "web"]
_ORDER = [None, None, None, None, "A-1", "A-2", "A-3"]
# Days after NOON, whatever the time is by then: ahead, exactly at the instants of the batches and, later, behind.
_EXPIRES_AT = [*[None] * 6, *(NOON + days * DAY for days in (1, 2, 3, 4, 40, 200))]
_AVAILABLE_AT = [*[None] * 6, *(NOON + days * DAY for days in range(3))]
_OCCURRED_AT = [*[None] * 12, NOON, NOON + 2 * DAY, NOON - 20 * DAY]
_account = st.sampled_from(_ACCOUNT)
_source = st.sampled_from(_SOURCE)
_named_order = st.sampled_from(["A-1", "A-1", "A-1", "A-2", "A-2", "A-3"])
# Few values, but every claim has an id of its own, as in production.
_claims = st.builds(claim, st.sampled_from(["1111", "2222"]))

LINES = (
    Line("coffee", Decimal("2.50"), tax=Decimal("0.40")),
    Line("coffee", Decimal("7.50"), quantity=Decimal(3), tax=Decimal("1.20")),
    Line("milk", Decimal("1.20"), category="MILK", tax=Decimal("0.08")),
    Line("cheese", Decimal("11.99"), quantity=Decimal("0.480"), category="MILK"),
    Line("gift-card", Decimal("10.00")),
    Line("sample", Decimal("0.00")),
    Line("tea", Decimal("3.00"), voided=True),
)


def _purchase(lines: list[Line], chosen: tuple[str, str | None, str, str]) -> Purchase:
    redeemed_value, channel, currency, amount = chosen
    if not lines:
        redeemed_value = min(redeemed_value, "0" if amount < "1" else "1.00")
        return purchase(amount, redeemed_value=redeemed_value, channel=channel, currency=currency)
    bought = purchase(None, *lines, channel=channel, currency=currency)
    return replace(bought, redeemed_value=min(Decimal(redeemed_value), bought.amount))


purchases = st.builds(
    _purchase,
    st.lists(st.sampled_from(LINES), max_size=3),
    at_once(["0", "0", "0", "1.00"], [None, "pos"], ["EUR", "EUR", "EUR", "USD"], ["0.99", "5.00", "9.99", "20.00"]),
)


_who = at_once(_ACCOUNT, _SOURCE)
earns = st.builds(
    lambda points, who, first, second: earn(
        points,
        account_id=who[0],
        source=who[1],
        order_id=first[0],
        available_at=first[1],
        expires_at=second[0],
        occurred_at=second[1],
    ),
    st.integers(1, 40),
    _who,
    at_once(_ORDER, _AVAILABLE_AT),
    at_once(_EXPIRES_AT, _OCCURRED_AT),
)
sales = st.builds(
    lambda bought, who, what, expires_at: earn(
        purchase=bought,
        account_id=who[0],
        source=who[1],
        order_id=what[0],
        occurred_at=what[1],
        expires_at=expires_at,
    ),
    purchases,
    _who,
    at_once([None, "A-1", "A-1", "A-2"], _OCCURRED_AT),
    st.sampled_from([*[None] * 8, NOON + 3 * DAY]),
)
# Most of what can be done is done with points that are there, and with orders that are known.
first_earns = st.builds(earn, st.integers(20, 60), account_id=st.sampled_from("ab"), source=st.just("till"))
first_sales = st.builds(
    earn,
    purchase=purchases,
    account_id=st.sampled_from("aab"),
    source=st.just("till"),
    order_id=st.sampled_from(["A-1", "A-2", "A-3"]),
)
firsts = weighted((first_earns, 2), (first_sales, 1))
redeems = st.builds(
    lambda points, who, what: redeem(points, account_id=who[0], source=who[1], order_id=what[0], occurred_at=what[1]),
    _points,
    _who,
    at_once(_ORDER, _OCCURRED_AT),
)
adjusts = st.builds(
    adjust, st.integers(1, 20) | st.integers(-20, -1), account_id=_account, allow_negative=st.booleans()
)
reverses = st.builds(reverse, st.integers(1, 7), st.none() | st.integers(1, 8), account_id=_account)
postings = weighted((earns, 3), (sales, 4), (redeems, 4), (reverses, 4), (adjusts, 1))

placings = st.builds(
    lambda points, who, what: place_hold(
        points, "", account_id=who[0], source=who[1], order_id=what[0], expires_in_seconds=what[1]
    ),
    _points,
    _who,
    at_once(_ORDER, [60, 3600, 3600, 86400, 129600]),
)
_place = st.sampled_from(["0", "0", "0", "1", "2"])
# Whose books a hold or an order is in is found before it is asked for; those of nobody are told to the first account.
captures = st.builds(capture, _place, st.none() | st.integers(1, 6), account_id=st.just(ACCOUNTS[0]), source=_source)
releases = st.builds(release, _place, account_id=st.just(ACCOUNTS[0]), source=_source)
held = weighted((placings, 4), (captures, 3), (releases, 1))

returned_lines = st.one_of(
    st.builds(
        returned, st.sampled_from(["coffee", "milk", "cheese", "tea"]), quantity=st.sampled_from(["1", "2", "0.1"])
    ),
    st.builds(returned, st.sampled_from(["coffee", "milk"]), amount=st.sampled_from(["0.50", "2.50"])),
)
refunds = st.one_of(
    st.builds(refund, _named_order, st.sampled_from(["0.99", "1.00", "3.00", "5.00", "20.00"])),
    st.builds(
        lambda order_id, lines: refund(order_id, None, *lines),
        _named_order,
        st.lists(returned_lines, min_size=1, max_size=2),
    ),
)
about_orders = st.builds(
    lambda command, source: named_again(replace(command, account_id=ACCOUNTS[0], source=source)),
    weighted((refunds, 4), (st.builds(confirm, _named_order), 2), (st.builds(cancel, _named_order), 1)),
    _source,
)
_pairs = st.sampled_from([("a", "b"), ("a", "b"), ("b", "a"), ("b", "a"), ("a", "c"), ("c", "b")])
transfers = st.builds(
    lambda points, pair, source: transfer(points, pair[1], account_id=pair[0], source=source), _points, _pairs, _source
)
joins = weighted(
    (_pairs.map(lambda pair: merge(pair[1], account_id=pair[0])), 2), (st.builds(unmerge, account_id=_account), 3)
)
tiers = st.one_of(
    st.builds(set_tier, st.sampled_from([None, "silver", "gold"]), account_id=_account),
    st.builds(
        set_tier,
        st.sampled_from(["silver", "gold"]),
        account_id=_account,
        until=st.sampled_from([NOON + 2 * DAY, NOON + 3 * DAY + timedelta(hours=5)]),
    ),
)

statuses = st.builds(
    set_status, st.sampled_from(["active", "active", "active", "suspended", "closed"]), account_id=_account
)
memberships = st.one_of(
    statuses,
    st.builds(open_account, _account, identifiers=st.lists(_claims, max_size=2)),
    st.builds(attach, _claims, account_id=_account),
    st.builds(revoke, st.sampled_from(["0", "1", "2"]), account_id=_account),
)
settlings = st.builds(settle_due, account_id=_account)
single_commands = weighted(
    (postings, 12), (held, 6), (about_orders, 4), (transfers, 2), (joins, 1), (tiers, 1), (memberships, 1)
)
bulks = st.lists(single_commands, min_size=1, max_size=4).map(lambda singles: together(*singles))
any_commands = weighted((single_commands, 9), (bulks, 1), (settlings, 1))

HOURS = [0, 1, 1, 12, 12, 24, 24, 36, 24 * 14, 24 * 40]


def histories(commands: st.SearchStrategy[Command] = any_commands) -> st.SearchStrategy[list[Batch]]:
    """Some accounts, then batches in the order of time; a key is sometimes asked again, or used for something else."""
    drawn = st.lists(st.tuples(commands, st.integers(0, 40)), min_size=2, max_size=9)
    return st.builds(
        _history,
        st.lists(firsts, max_size=4),
        st.lists(st.tuples(st.sampled_from(HOURS), drawn), min_size=3, max_size=6),
    )


def _history(first: list[Command], steps: list[tuple[int, list[tuple[Command, int]]]]) -> list[Batch]:
    asked: list[Command] = [open_account(account_id) for account_id in ACCOUNTS[:2]]
    named = Named()
    asked += map(named.naming, first)
    batches: list[Batch] = [(NOON, list(asked))]
    now = NOON
    for hours, wanted in steps:
        now += timedelta(hours=hours)
        batch = []
        for some, again in wanted:
            command = named.naming(some)
            earlier = asked[-1 - again] if again < min(4, len(asked)) else None
            if earlier is None or earlier.key is None:
                batch.append(command)
            elif again % 2 or command.key is None:
                batch.append(replace(earlier, request_id=command.request_id))
            else:
                batch.append(replace(command, key=earlier.key))
            asked.append(batch[-1])
        batches.append((now, batch))
    return batches


class Named:
    """What the commands of a history may name: cards, holds, orders and entries that are in the books.

    A drawn command names one of the latest by its place. A hold or an order that is asked for before there is any is
    placed or sold first: most histories would know none.
    """

    def __init__(self) -> None:
        self.claims: list[str] = []
        self.holds: list[str] = []
        self.orders: set[str] = set()
        self.postings: Counter[str] = Counter()

    def naming(self, command: Command) -> Command:
        match command:
            case Together():
                command = replace(command, commands=tuple(self.naming(single) for single in command.commands))
            case RevokeIdentifier():
                command = replace(command, identifier_id=_latest(self.claims, int(command.identifier_id)))
            case Capture() | Release() if self.holds:
                command = replace(command, hold_id=_latest(self.holds, int(command.hold_id)))
            case Capture() | Release():
                return self.naming(place_hold(3, "", account_id=ACCOUNTS[0], source=command.source))
            case Refund() | ConfirmOrder() | CancelOrder() if command.order_id not in self.orders:
                sale = purchase(None, *LINES[:4])
                return self.naming(
                    earn(account_id=ACCOUNTS[0], purchase=sale, order_id=command.order_id, source=command.source)
                )
            case Reverse():
                seq = 1 + (command.seq - 1) % max(1, self.postings[command.account_id])
                command = replace(command, seq=seq)
            case PlaceHold():
                self.holds.append(f"h-{len(self.holds)}")
                return replace(command, hold_id=self.holds[-1])
            case _:
                self._remember(command)
                return command
        return named_again(command)

    def _remember(self, command: Command) -> None:
        match command:
            case AttachIdentifier():
                self.claims.append(command.identifier.identifier_id)
            case OpenAccount():
                self.claims.extend(held.identifier_id for held in command.identifiers)
            case Earn() | Redeem() | Adjust():
                self.postings[command.account_id] += 1
                if isinstance(command, Earn) and command.order_id is not None:
                    self.orders.add(command.order_id)
            case _:
                pass


def _latest(known: list[str], place: int) -> str:
    return known[-1 - place % len(known)] if known else "unknown"
