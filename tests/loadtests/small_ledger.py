"""A small sequential ledger: obviously right, one command at a time. It makes the books of good histories."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_service.api.answers import entry_json
from ledger_service.ledger.entries import GENESIS, UPKEEP_SOURCE, Entry, seal
from ledger_service.ledger.lots import ALWAYS, NEVER, Lot, Movement, consume, moved, movements_text, pending, usable

Document = dict[str, Any]

START = datetime(2026, 11, 21, 10, tzinfo=UTC)


@dataclass(slots=True)
class Hold:
    hold_id: str
    points: int
    movements: tuple[Movement, ...]
    expires_at: datetime
    order: str | None


@dataclass(slots=True)
class Account:
    account_id: str
    lots: tuple[Lot, ...] = ()
    holds: dict[str, Hold] = field(default_factory=dict)
    head: bytes = GENESIS
    rows: list[Document] = field(default_factory=list)

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.holds.values())

    def shown(self, now: datetime) -> Document:
        """Its balance, due work counted as done."""
        timed_out = [hold for hold in self.holds.values() if hold.expires_at <= now]
        back = [Movement(m.expires_at, m.available_at, -m.points) for hold in timed_out for m in hold.movements]
        lots = self.lots
        for movement in back:
            lots = moved(lots, (movement,))
        held = self.held - sum(hold.points for hold in timed_out)
        available, waiting = usable(lots, now), pending(lots, now)
        return {
            "account_id": self.account_id,
            "seq": len(self.rows),
            "balance": available + waiting + held,
            "available": available,
            "pending": waiting,
            "held": held,
            "as_of": now.isoformat(),
            "source": "primary",
        }


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes

    @property
    def body(self) -> Document:
        document: Document = json.loads(self.content)
        return document


@dataclass(slots=True)
class SmallLedger:
    """Accounts by id. Every method settles due work first, as the service does."""

    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[tuple[str, str], Document] = field(default_factory=dict)
    now: datetime = START

    def account(self, account_id: str) -> Account:
        """The account, its due work done."""
        account = self.accounts.setdefault(account_id, Account(account_id))
        while due := self._due(account):
            due_at, hold, lot = due
            if hold is not None:
                del account.holds[hold.hold_id]
                self.post(account, "release", 0, back(hold.movements), held=-hold.points, at=due_at, order=hold.order)
            elif lot is not None:
                gone = (Movement(lot.expires_at, lot.available_at, -lot.remaining),)
                self.post(account, "expire", -lot.remaining, gone, at=due_at)
        return account

    def _due(self, account: Account) -> tuple[datetime, Hold | None, Lot | None] | None:
        holds = [(hold.expires_at, hold, None) for hold in account.holds.values() if hold.expires_at <= self.now]
        lots = [(lot.expires_at, None, lot) for lot in account.lots[:1] if lot.expires_at <= self.now]
        return min((*holds, *lots), key=lambda one: one[0], default=None)

    def post(
        self,
        account: Account,
        kind: Any,
        points: int,
        movements: tuple[Movement, ...] = (),
        key: str | None = None,
        *,
        source: str | None = None,
        order: str | None = None,
        held: int = 0,
        at: datetime | None = None,
        expires_at: datetime | None = None,
        available_at: datetime | None = None,
        reverses: int | None = None,
        transfer: str | None = None,
        written_off: int = 0,
        detail: Document | None = None,
    ) -> Entry:
        account.lots = moved(account.lots, movements)
        balance = (account.rows[-1]["balance_after"] if account.rows else 0) + points
        held_after = (account.rows[-1]["held_after"] if account.rows else 0) + held
        entry = seal(
            Entry(
                program_id=1,
                account_id=account.account_id,
                seq=len(account.rows) + 1,
                kind=kind,
                points=points,
                balance_after=balance,
                available_after=usable(account.lots, at or self.now),
                held_after=held_after,
                order_id=order,
                source=source or (UPKEEP_SOURCE if key is None else "shop"),
                key=key,
                reason=None,
                metadata="{}",
                movements=movements,
                available_at=available_at,
                expires_at=expires_at,
                reverses_seq=reverses,
                transfer_id=transfer,
                written_off=written_off,
                rule_version=1,
                occurred_at=at or self.now,
                recorded_at=self.now,
                previous_hash=account.head,
                hash=b"",
                detail=None if detail is None else json.dumps(detail, separators=(",", ":")),
            )
        )
        account.head = entry.hash
        row = json.loads(entry_json(entry))
        account.rows.append(row | {"program_id": 1, "movements": movements_text(movements), "detail": entry.detail})
        return entry

    def earn(
        self,
        account_id: str,
        points: int,
        key: str,
        order: str | None,
        lives: timedelta | None,
        waits: timedelta | None,
    ) -> Answer:
        account = self.account(account_id)
        if order is not None and (earlier := self.orders.get(("earn", order))):
            return self._again(earlier, account_id, points)
        expires_at = None if lives is None else self.now + lives
        available_at = None if waits is None else self.now + waits
        movement = Movement(expires_at or NEVER, available_at or ALWAYS, points)
        dates: Any = {"expires_at": expires_at, "available_at": available_at}
        return self.told(self.post(account, "earn", points, (movement,), key, order=order, **dates))

    def redeem(self, account_id: str, points: int, key: str, order: str | None) -> Answer:
        account = self.account(account_id)
        if order is not None and (earlier := self.orders.get(("redeem", order))):
            return self._again(earlier, account_id, points)
        if (refusal := self._missing(account, points)) is not None:
            return refusal
        movements, _ = consume(account.lots, points, self.now)
        return self.told(self.post(account, "redeem", -points, movements, key, order=order))

    def adjust(self, account_id: str, points: int, key: str) -> Answer:
        account = self.account(account_id)
        if points < 0 and (refusal := self._missing(account, -points)) is not None:
            return refusal
        movements = (Movement(NEVER, ALWAYS, points),) if points > 0 else consume(account.lots, -points, self.now)[0]
        return self.told(self.post(account, "adjust", points, movements, key))

    def hold(self, account_id: str, points: int, key: str, hold_id: str, lasts: timedelta) -> Answer:
        account = self.account(account_id)
        if (refusal := self._missing(account, points)) is not None:
            return refusal
        movements, _ = consume(account.lots, points, self.now)
        hold = account.holds[hold_id] = Hold(hold_id, points, movements, self.now + lasts, None)
        detail = {"hold_id": hold_id}
        entry = self.post(account, "hold", 0, movements, key, held=points, detail=detail)
        document = {
            "hold_id": hold_id,
            "account_id": account_id,
            "points": points,
            "status": "open",
            "expires_at": hold.expires_at.isoformat(),
            "seq": entry.seq,
        }
        return Answer(201, json.dumps(document).encode())

    def close(self, account_id: str, hold_id: str, key: str, captured: int | None) -> Answer:
        """Capture so many points of a hold, or release it."""
        account = self.account(account_id)
        hold = account.holds.pop(hold_id, None)
        if hold is None:
            return refused("hold_not_open", hold_id=hold_id, hold_status=self._ended(account, hold_id))
        detail = {"hold_id": hold_id}
        if captured is None:
            movements = back(hold.movements)
            return self.told(self.post(account, "release", 0, movements, key, held=-hold.points, detail=detail))
        if captured < hold.points:
            left, rest = hold.points - captured, []
            for movement in reversed(hold.movements):
                points = min(left, -movement.points)
                left -= points
                if points:
                    rest.append(Movement(movement.expires_at, movement.available_at, points))
            given = captured - hold.points
            self.post(account, "release", 0, tuple(rest), None, source="shop", held=given, detail=detail)
        return self.told(self.post(account, "redeem", -captured, (), key, held=-captured, detail=detail))

    def _ended(self, account: Account, hold_id: str) -> str:
        for row in account.rows:
            if row["detail"] is not None and row["kind"] != "hold" and hold_id in row["detail"]:
                return "released" if row["kind"] == "release" else "captured"
        return "timed_out"

    def transfer(self, giver_id: str, taker_id: str, points: int, key: str) -> Answer:
        giver, taker = self.account(giver_id), self.account(taker_id)
        if (refusal := self._missing(giver, points)) is not None:
            return refusal
        movements, _ = consume(giver.lots, points, self.now)
        out = self.post(giver, "transfer_out", -points, movements, key, transfer=f"t-{key}")
        into = self.post(taker, "transfer_in", points, back(movements), key, transfer=f"t-{key}")
        return Answer(201, b'{"entries":[' + entry_json(out) + b"," + entry_json(into) + b"]}")

    def reverse(self, account_id: str, seq: int, points: int | None, key: str) -> Answer:
        """Undo a redeem, wholly or in part. What comes back lives for ever here."""
        account = self.account(account_id)
        given = sum(row["points"] for row in account.rows if row["reverses_seq"] == seq)
        remaining = -account.rows[seq - 1]["points"] - given
        if remaining == 0:
            return refused("already_reversed", seq=seq)
        points = remaining if points is None else points
        if points > remaining:
            return refused("exceeds_remaining", remaining=remaining)
        movements = (Movement(NEVER, ALWAYS, points),)
        return self.told(self.post(account, "reverse_redeem", points, movements, key, reverses=seq))

    def _missing(self, account: Account, points: int) -> Answer | None:
        available = usable(account.lots, self.now)
        if points <= available:
            return None
        missing = points - available
        seq = len(account.rows)
        return refused("insufficient_points", available=available, requested=points, missing=missing, as_of_seq=seq)

    def _again(self, earlier: Document, account_id: str, points: int) -> Answer:
        if earlier["account_id"] == account_id and abs(earlier["points"]) == points:
            return Answer(200, json.dumps(earlier, separators=(",", ":")).encode())
        named = {name: earlier[name] for name in ("order_id", "account_id", "seq")}
        return refused("duplicate_order", **named, points=abs(earlier["points"]))

    def told(self, entry: Entry) -> Answer:
        content = entry_json(entry)
        if entry.order_id is not None and entry.kind in ("earn", "redeem"):
            self.orders[entry.kind, entry.order_id] = json.loads(content)
        return Answer(201, content)


def refused(code: str, **fields: Any) -> Answer:
    return Answer(409, json.dumps({"status": 409, "code": code} | fields).encode())


def back(movements: tuple[Movement, ...]) -> tuple[Movement, ...]:
    return tuple(Movement(movement.expires_at, movement.available_at, -movement.points) for movement in movements)
