"""Good histories: what honest clients would have seen of the small ledger, with concurrency, lost answers, retries."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from checker.history import History, history_of
from tests.loadtests.small_ledger import START, Answer, Document, SmallLedger

SECOND_NS = 1_000_000_000
WIDTH_NS = 3 * SECOND_NS
"""How far from its effect a request may have been sent or answered: several commands are under way at once."""

ACCOUNTS = ("m-1", "m-2", "m-3")

Call = Callable[[str], Answer]


@dataclass(slots=True)
class Recorded:
    """A history while it is made."""

    chance: random.Random
    ledger: SmallLedger = field(default_factory=SmallLedger)
    attempts: list[Document] = field(default_factory=list)
    opening: list[Document] = field(default_factory=list)
    refusals: list[Document] = field(default_factory=list)
    faults: list[Document] = field(default_factory=list)
    replica: list[Document] | None = None
    """None: as the primary."""
    at_ns: int = 10 * WIDTH_NS
    ops: int = 0

    def history(self) -> History:
        """The history as the checker reads it."""
        entries = [row for account in self.ledger.accounts.values() for row in account.rows]
        self.chance.shuffle(entries)
        shown = [
            account.shown(self.ledger.now) | {"status": "active", "debt": 0}
            for account in self.ledger.accounts.values()
        ]
        return history_of(
            entries=entries,
            accounts=shown,
            attempts=self.attempts,
            opening=self.opening,
            replica_entries=entries if self.replica is None else self.replica,
            refusals=self.refusals,
            faults=self.faults,
        )

    def step(self) -> None:
        """Some time goes by."""
        self.at_ns += self.chance.randint(1_000_000, SECOND_NS)
        self.ledger.now = START + timedelta(microseconds=self.at_ns // 1000)

    def quiet(self) -> None:
        """So much time goes by that all that was under way is answered."""
        self.at_ns += 20 * WIDTH_NS
        self.step()

    def before(self) -> int:
        return self.at_ns - self.chance.randint(1, WIDTH_NS)

    def after(self) -> int:
        return self.at_ns + self.chance.randint(1, WIDTH_NS)

    def next_key(self) -> str:
        self.ops += 1
        return f"k-{self.ops}"

    def attempt(
        self, asked: Document, invoke_ns: int, complete_ns: int | None, answer: Answer | None, replayed: bool = False
    ) -> Document:
        """One line; without an answer its outcome is unknown."""
        failed = answer is not None and answer.status not in (200, 201, 409)
        outcome = "unknown" if answer is None else "failed" if failed else "ok" if answer.status < 300 else "refused"
        sent = {name: value for name, value in asked.items() if name != "attempt"}
        line = {
            "op": self.ops,
            "attempt": 1,
            "fingerprint": hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest(),
            "source": "shop",
            "invoke_ns": invoke_ns,
            "complete_ns": complete_ns,
            "outcome": outcome,
            "status": None if answer is None else answer.status,
            "replayed": replayed,
            "body": None if answer is None else answer.body,
            "body_sha": None if answer is None else hashlib.sha256(answer.content).hexdigest(),
            "deadline_ms": 4500,
            **asked,
        }
        self.attempts.append(line)
        return line

    def answered(self, asked: Document, call: Call) -> Answer:
        """Ask once, now, and be told."""
        answer = self.told(asked, call)
        self.attempt(asked, self.before(), self.after(), answer, replayed=answer.status == 200)
        return answer

    def told(self, asked: Document, call: Call) -> Answer:
        """What the ledger says, whoever hears it."""
        answer = call(asked["key"])
        if answer.status == 409:
            self.refusals.append({"key": asked["key"], "code": answer.body["code"]})
        return answer


OVERLOADED = Answer(503, b'{"code":"overloaded","status":503}')
KEY_REUSED = Answer(422, b'{"code":"idempotency_key_reused","status":422}')


def recorded(seed: int, steps: int = 22) -> Recorded:
    """A good history of this many commands and reads."""
    made = Recorded(random.Random(seed))
    chance = made.chance
    if chance.random() < 0.3:
        for account_id in ACCOUNTS:
            made.ledger.earn(account_id, 100, f"before-{account_id}", None, None, None)
            made.opening.append({"account_id": account_id, "seq": 1})
    is_dated = chance.random() < 0.4
    holds: list[tuple[str, str]] = []
    orders: list[Document] = []
    latest: dict[tuple[str, str], Document] = {}
    for number in range(steps):
        made.step()
        draw = chance.random()
        if draw < 0.2:
            _read(made, latest)
            continue
        asked, call = _command(made, is_dated, holds)
        if draw < 0.28 and orders:
            _ask_for_an_order_again(made, chance.choice(orders))
            continue
        _ask(made, asked, call)
        if asked["kind"] == "earn" and asked["order"] is not None:
            orders.append(asked)
        if number == steps // 2:
            made.faults.append({"at_ns": made.at_ns, "fault": "crash", "what": "injected"})
            made.faults.append({"at_ns": made.at_ns + SECOND_NS, "fault": "crash", "what": "healed"})
    return made


def _command(made: Recorded, is_dated: bool, holds: list[tuple[str, str]]) -> tuple[Document, Call]:
    chance, ledger = made.chance, made.ledger
    key = made.next_key()
    account_id, other = chance.sample(ACCOUNTS, 2)
    points = chance.randint(1, 120)
    order = f"A-{key}" if chance.random() < 0.5 else None
    asked: Document = {"key": key, "account": account_id, "points": points, "order": None}
    match chance.choice(("earn", "earn", "earn", "redeem", "redeem", "hold", "close", "close", "transfer", "rest")):
        case "earn":
            lives = timedelta(seconds=chance.randint(2, 8)) if is_dated and chance.random() < 0.5 else None
            waits = timedelta(seconds=chance.randint(1, 2)) if is_dated and chance.random() < 0.3 else None
            asked |= {"kind": "earn", "order": order}
            return asked, lambda key: ledger.earn(account_id, points, key, order, lives, waits)
        case "redeem":
            asked |= {"kind": "redeem", "order": order}
            return asked, lambda key: ledger.redeem(account_id, points, key, order)
        case "hold":
            lasts = timedelta(seconds=chance.randint(1, 10))
            holds.append((account_id, f"h-{key}"))
            asked |= {"kind": "hold"}
            return asked, lambda key: ledger.hold(account_id, points, key, f"h-{key}", lasts)
        case "close" if placed := [hold for hold in holds if _was_placed(ledger, hold)]:
            account_id, hold_id = chance.choice(placed)
            captured = _part_of(ledger, account_id, hold_id, chance)
            kind = "release" if captured is None else "capture"
            asked |= {"kind": kind, "account": None, "hold_id": hold_id, "points": captured}
            return asked, lambda key: ledger.close(account_id, hold_id, key, captured)
        case "transfer":
            asked |= {"kind": "transfer", "to_account": other}
            return asked, lambda key: ledger.transfer(account_id, other, points, key)
    redeems = [row["seq"] for row in ledger.account(account_id).rows if row["kind"] == "redeem"]
    if redeems:
        seq = chance.choice(redeems)
        part = points if chance.random() < 0.5 else None
        asked |= {"kind": "reverse", "reverses_seq": seq, "points": part}
        return asked, lambda key: ledger.reverse(account_id, seq, part, key)
    signed = points if chance.random() < 0.5 else -points
    asked |= {"kind": "adjust", "points": signed}
    return asked, lambda key: ledger.adjust(account_id, signed, key)


def _was_placed(ledger: SmallLedger, hold: tuple[str, str]) -> bool:
    account_id, hold_id = hold
    rows = ledger.account(account_id).rows
    return any(row["kind"] == "hold" and f'"{hold_id}"' in row["detail"] for row in rows)


def _part_of(ledger: SmallLedger, account_id: str, hold_id: str, chance: random.Random) -> int | None:
    hold = ledger.account(account_id).holds.get(hold_id)
    if chance.random() < 0.3:
        return None
    return chance.randint(1, hold.points) if hold is not None else 1


def _ask(made: Recorded, asked: Document, call: Call) -> None:
    """One command, in one of the ways in which it may go."""
    chance = made.chance
    match chance.randint(0, 11):
        case 0:  # the answer is lost, the retry finds the outcome
            answer = made.told(asked, call)
            invoke_ns = made.before()
            given_up_ns = invoke_ns + chance.randint(1, WIDTH_NS)
            made.attempt(asked, invoke_ns, chance.choice((None, given_up_ns)), None)
            again_ns = given_up_ns + chance.randint(1, WIDTH_NS)
            done_ns = max(again_ns, made.at_ns) + chance.randint(1, WIDTH_NS)
            made.attempt(asked | {"attempt": 2}, again_ns, done_ns, answer, replayed=True)
        case 1 | 2 as way:  # the first attempt writes nothing, the second does
            answer = made.told(asked, call)
            again_ns = made.before()
            made.attempt(asked, again_ns - WIDTH_NS, again_ns - 1, OVERLOADED if way == 1 else None)
            made.attempt(asked | {"attempt": 2}, again_ns, made.after(), answer, answer.status == 200)
        case 3:  # nobody is ever told
            made.told(asked, call)
            made.attempt(asked, made.before(), None, None)
        case 4:  # nothing is ever written
            made.attempt(asked, made.before(), made.after(), chance.choice((None, OVERLOADED)))
        case 5:  # copies at once: one is the first, whoever is told first
            answer = made.told(asked, call)
            for number in range(4):
                is_replay = number > 0 or answer.status == 200
                made.attempt(asked | {"attempt": number}, made.before(), made.after(), answer, is_replay)
        case 6 | 7 as way:  # asked again later, for the same and for something else
            answer = made.answered(asked, call)
            later_ns = made.at_ns + 2 * WIDTH_NS
            if way == 6:
                made.attempt(asked | {"attempt": 2}, later_ns, later_ns + 5, answer, replayed=True)
            else:
                made.attempt(asked | {"attempt": 2, "points": 999}, later_ns, later_ns + 5, KEY_REUSED)
        case 8:  # the service lost its own connection and found the outcome by itself: the only answer is a replay
            made.attempt(asked, made.before(), made.after(), made.told(asked, call), replayed=True)
        case _:
            made.answered(asked, call)


def _ask_for_an_order_again(made: Recorded, first: Document) -> None:
    """Under another key: the same answers the first entry, other points are refused."""
    # Nobody may have written it: then it is written now.
    points = first["points"] + made.chance.choice((0, 0, 1))
    asked = {"kind": "earn", "key": f"again-{made.next_key()}", "points": points}
    asked |= {name: first[name] for name in ("account", "order")}

    def call(key: str) -> Answer:
        return made.ledger.earn(first["account"], points, key, first["order"], None, None)

    answer = made.answered(asked, call)
    if made.chance.random() < 0.3:
        later_ns = made.at_ns + 2 * WIDTH_NS
        made.attempt(asked | {"attempt": 2}, later_ns, later_ns + 5, answer, replayed=True)


def _read(made: Recorded, latest: dict[tuple[str, str], Document]) -> None:
    chance = made.chance
    account_id, session = chance.choice(ACCOUNTS), chance.choice(("s-1", "s-2"))
    made.ops += 1
    asked: dict[str, Any] = {"kind": "balance", "account": account_id, "key": None, "session": session}
    account = made.ledger.account(account_id)
    shown = account.shown(made.ledger.now)
    last = latest.get((session, account_id))
    if chance.random() < 0.4 and last is not None:
        # A replica that is behind shows what it showed before.
        asked |= {"read_source": "replica", "min_seq": last["seq"]}
        shown = last
    else:
        asked |= {"read_source": chance.choice(("primary", "replica")), "min_seq": None}
        latest[session, account_id] = shown
    content = json.dumps(shown).encode()
    made.attempt(asked, made.before(), made.after(), Answer(200, content))
