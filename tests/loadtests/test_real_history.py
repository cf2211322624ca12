"""The checker on what the real service did: many clients at once on a few accounts, over months of a test program."""

import asyncio
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from time import monotonic_ns
from typing import Any

from checker.checks import judge
from checker.history import History, history_of
from tests.api.shop import SOURCE, Shop
from tests.instances import rows
from tests.loadtests.small_ledger import Document
from tests.servers import TestDatabase

ACCOUNTS = ("m-1", "m-2", "m-3", "m-4")
MERGED = "m-5"
KEPT = frozenset(
    {
        "insufficient_points",
        "duplicate_order",
        "hold_not_open",
        "already_reversed",
        "exceeds_remaining",
        "nothing_to_reverse",
    }
)


WAYS = ("earn", "earn", "redeem", "hold", "close", "transfer", "reverse", "again", "balance", "buy", "return", "adjust")
SETTINGS: Document = {
    "expiry": {"mode": "after", "days": 40},
    "available": {"mode": "after", "days": 1},
    "clawback": {"mode": "allow_debt"},
    "rules": [{"id": "base", "type": "spend", "points": 1, "per": "1.00"}],
}


@dataclass(slots=True)
class Recorder:
    """Clients of one program, and what they wrote down."""

    shop: Shop
    chance: random.Random
    attempts: list[Document] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    orders: list[tuple[str, str, int]] = field(default_factory=list)
    purchases: list[str] = field(default_factory=list)
    reversible: list[tuple[str, int]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    async def ask(self, kind: str, path: str, body: Any, op: int, attempt: int = 1, **fields: Any) -> Document:
        """One attempt. Some answers are lost on the way."""
        invoke_ns = monotonic_ns()
        if kind == "balance":
            answer = await self.shop.get(path)
        else:
            answer = await self.shop.post(path, body, idempotency_key=fields["key"])
        complete_ns = monotonic_ns()
        document = answer.json()
        line = {"op": op, "attempt": attempt, "kind": kind, "account": None, "key": None, "source": SOURCE}
        line |= {"invoke_ns": invoke_ns, "complete_ns": complete_ns, "status": answer.status_code}
        line |= {"fingerprint": hashlib.sha256(f"{path} {json.dumps(body)}".encode()).hexdigest()}
        line |= {"body": document, "body_sha": hashlib.sha256(answer.content).hexdigest()}
        line |= {"replayed": answer.headers.get("idempotent-replayed") == "true", "session": f"s-{op % 3}"}
        is_kept = answer.status_code == 409 and document["code"] in KEPT
        line["outcome"] = "ok" if answer.status_code < 300 else "refused" if is_kept else "failed"
        if kind != "balance" and self.chance.random() < 0.15:
            line |= {"outcome": "unknown", "status": None, "body": None, "body_sha": None, "complete_ns": None}
        self.attempts.append(line | fields)
        return self.attempts[-1]

    async def post(self, kind: str, account: str, verb: str, body: Document, **fields: Any) -> None:
        """One command on an account, asked once."""
        op = next(self.numbers)
        named = {"key": f"k-{op}", "account": account, "points": body.get("points"), **fields}
        await self.ask(kind, f"/v1/accounts/{account}/{verb}", body, op, **named)

    async def client(self, commands: int) -> None:
        """One command after the other; what it was not told it asks again, and sometimes what it was told, too."""
        for _ in range(commands):
            op = next(self.numbers)
            kind, path, body, fields = self._command(f"k-{op}")
            fields = {"points": body and body.get("points"), "order": body and body.get("order_id")} | fields
            line = await self.ask(kind, path, body, op, **fields)
            if line["outcome"] == "unknown" or self.chance.random() < 0.1:
                await self.ask(kind, path, body, op, 2, **fields)
            if line["outcome"] != "ok":
                continue
            if kind == "hold":
                self.holds.append(line["body"]["hold_id"])
            elif kind in ("earn", "redeem"):
                self.reversible.append((fields["account"], line["body"]["seq"]))
                if kind == "earn" and fields["order"] is not None:
                    points = body.get("points")
                    self.purchases += [fields["order"]] if points is None else []
                    self.orders += [] if points is None else [(fields["account"], fields["order"], points)]

    def _command(self, key: str) -> tuple[str, str, Any, Document]:
        chance = self.chance
        account, other = chance.sample(ACCOUNTS, 2)
        points = chance.randint(1, 60)
        named: Document = {"key": key, "account": account}
        match chance.choice(WAYS):
            case "redeem":
                return "redeem", f"/v1/accounts/{account}/redeem", {"points": points, "order_id": f"A-{key}"}, named
            case "hold":
                body = {"points": points, "expires_in_seconds": 600}
                return "hold", f"/v1/accounts/{account}/holds", body, named
            case "close" if self.holds:
                hold_id = chance.choice(self.holds)
                named |= {"account": None, "hold_id": hold_id}
                if chance.random() < 0.3:
                    return "release", f"/v1/holds/{hold_id}/release", None, named
                return "capture", f"/v1/holds/{hold_id}/capture", {"points": chance.randint(1, 20)}, named
            case "transfer":
                body = {"from_account": account, "to_account": other, "points": points}
                return "transfer", "/v1/transfers", body, named | {"to_account": other}
            case "buy":
                purchase = {"amount": f"{points}.00", "currency": "EUR"}
                body = {"purchase": purchase, "order_id": f"P-{key}"}
                return "earn", f"/v1/accounts/{account}/earn", body, named
            case "return" if self.purchases:
                body = {"amount": f"{chance.randint(1, 30)}.00", "currency": "EUR"}
                named["account"] = None
                return "refund", f"/v1/orders/{chance.choice(self.purchases)}/refund", body, named
            case "adjust":
                body = {"points": chance.choice((points, -points)), "reason": "a gift", "allow_negative": points > 30}
                return "adjust", f"/v1/accounts/{account}/adjust", body, named
            case "reverse" if self.reversible:
                account, seq = chance.choice(self.reversible)
                body = {"points": points, "reason": "returned"}
                fields = {"account": account, "reverses_seq": seq}
                return "reverse", f"/v1/accounts/{account}/entries/{seq}/reverse", body, named | fields
            case "again" if self.orders:
                account, order, points = chance.choice(self.orders)
                body = {"points": points + chance.choice((0, 1)), "order_id": order}
                return "earn", f"/v1/accounts/{account}/earn", body, named | {"account": account}
            case "balance":
                return "balance", f"/v1/accounts/{account}/balance", None, {"key": None, "account": account}
        body = {"points": points, "order_id": f"A-{key}"} if chance.random() < 0.5 else {"points": points}
        return "earn", f"/v1/accounts/{account}/earn", body, named


async def exported(recorder: Recorder, database: TestDatabase) -> History:
    """The history: the entries as the API shows them, with what only the database has."""
    entries, accounts = [], []
    query = "SELECT movements::text AS movements, detail::text AS detail, account_id, seq FROM ledger.entry"
    beside = {(row["account_id"], row["seq"]): row for row in await rows(database.owner_url, query)}
    for account_id in (*ACCOUNTS, MERGED):
        path: str | None = f"/v1/accounts/{account_id}/entries?limit=200"
        while path is not None:
            answer = await recorder.shop.get(path)
            entries += answer.json()["data"]
            path = answer.links["next"]["url"] if "next" in answer.links else None
        accounts.append(await recorder.shop.balance(account_id) | {"status": "active"})
    for entry in entries:
        row = beside[entry["account_id"], entry["seq"]]
        entry |= {"program_id": recorder.shop.program_id, "movements": row["movements"], "detail": row["detail"]}
    return history_of(entries, accounts, recorder.attempts)


async def test_the_history_of_the_real_service_has_no_finding_and_every_kind_of_event(
    shop: Shop, database: TestDatabase
):
    program = await shop.neighbour("busy", mode="test", **SETTINGS)
    recorder = Recorder(program, random.Random(5))
    for account_id in (*ACCOUNTS, MERGED):
        await program.open(account_id)
    for account_id in ACCOUNTS:
        await recorder.post("adjust", account_id, "adjust", {"points": 200, "reason": "welcome"})
    await recorder.post("redeem", "m-1", "redeem", {"points": 50})
    await recorder.post("reverse", "m-1", "entries/2/reverse", {"points": 20, "reason": "returned"}, reverses_seq=2)
    for _ in range(4):
        await asyncio.gather(*(recorder.client(12) for _ in range(8)))
        now = (await program.balance("m-1"))["as_of"]
        month, day = int(now[5:7]) % 12 + 1, now[8:10]
        year = int(now[:4]) + (month == 1)
        to = f"{year}-{month:02}-{min(int(day), 28):02}{now[10:]}"
        answer = await program.post("/v1/test-clock/advance", {"to": to})
        assert answer.status_code == 200, answer.text
    await recorder.post("adjust", "m-2", "adjust", {"points": -9000, "reason": "fraud", "allow_negative": True})
    await recorder.post("earn", "m-2", "earn", {"points": 7})
    await recorder.post("earn", MERGED, "earn", {"points": 7})
    await recorder.post("merge", MERGED, "merge", {"into": "m-1", "reason": "one person"})
    history = await exported(recorder, database)
    judgement = judge(history)
    assert judgement.findings == ()
    assert all(verdict.was_run for verdict in judgement.verdicts)
    kinds = Counter(row.kind for row in history.books.at.values())
    assert kinds.keys() >= {"earn", "redeem", "expire", "hold", "release", "transfer_in", "adjust", "merge_in"}
    assert kinds.keys() >= {"reverse_earn", "reverse_redeem"}
    assert any(row.available_after < 0 for row in history.books.at.values())
    codes = {attempt["body"]["code"] for attempt in recorder.attempts if attempt["outcome"] == "refused"}
    assert codes >= {"insufficient_points", "duplicate_order", "hold_not_open", "exceeds_remaining"}
    # The same books, one byte apart.
    row = max(history.books.at.values(), key=lambda row: row.recorded_at)
    row.document["metadata"]["edited"] = True  # type: ignore[index]
    assert not judge(history).is_clean
