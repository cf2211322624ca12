"""Every operation that takes a body, with one that fits, and what a problem looks like."""

from dataclasses import dataclass
from typing import Any

from ledger_service.api.catalogue import CATALOGUE
from tests.contracts.conftest import Served
from tests.wire import Answer

SQL = "'; DROP TABLE ledger.entry; --"
KIB = 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """A call that takes a body, with one that fits."""

    method: str
    path: str
    body: dict[str, Any]
    needs_key: bool = True
    needs_body: bool = True
    size_max: int = 64 * KIB

    async def send(self, served: Served, body: bytes, /, **headers: str | None) -> Answer:
        if self.method == "PUT":
            headers = {"if_match": '"1"'} | headers
        return await served.ask(self.method, self.path, body, **headers)


EARN = Operation("POST", "/v1/accounts/m-1/earn", {"points": 5})
REDEEM = Operation("POST", "/v1/accounts/m-1/redeem", {"points": 5})
ADJUST = Operation("POST", "/v1/accounts/m-1/adjust", {"points": 5, "reason": "goodwill"})
REVERSE = Operation("POST", "/v1/accounts/m-1/entries/1/reverse", {"points": 5, "reason": "returned"})
PURCHASE = {
    "amount": "9.80",
    "currency": "EUR",
    "lines": [{"sku": "coffee", "quantity": "2", "amount": "9.80", "tax": "1.00", "voided": False}],
}
BUY = Operation("POST", "/v1/accounts/m-1/earn", {"purchase": PURCHASE})
PREVIEW = Operation("POST", "/v1/purchases/preview", {"purchase": PURCHASE}, needs_key=False)
HOLD = Operation("POST", "/v1/accounts/m-1/holds", {"points": 5})
CAPTURE = Operation("POST", "/v1/holds/hold_1/capture", {"points": 5}, needs_body=False)
RELEASE = Operation("POST", "/v1/holds/hold_1/release", {}, needs_body=False)
REFUND = Operation("POST", "/v1/orders/A-1/refund", {"amount": "5.00", "currency": "EUR"})
REFUND_LINES = Operation(
    "POST", "/v1/orders/A-1/refund", {"lines": [{"sku": "coffee", "quantity": 1}], "currency": "EUR"}
)
CONFIRM = Operation("POST", "/v1/orders/A-1/confirm", {"reason": "delivered"}, needs_body=False)
CANCEL = Operation("POST", "/v1/orders/A-1/cancel", {"reason": "not paid"}, needs_body=False)
TRANSFER = Operation("POST", "/v1/transfers", {"from_account": "m-1", "to_account": "m-2", "points": 5})
MERGE = Operation("POST", "/v1/accounts/m-1/merge", {"into": "m-2", "reason": "one person"})
UNMERGE = Operation("POST", "/v1/accounts/m-1/unmerge", {"reason": "two people"})
TIER = Operation("POST", "/v1/accounts/m-1/tier", {"tier": "gold", "reason": "a gift"})
OPEN = Operation("POST", "/v1/accounts", {"account_id": "m-9"})
STATUS = Operation("POST", "/v1/accounts/m-1/status", {"status": "suspended", "reason": "lost"})
ATTACH = Operation("POST", "/v1/accounts/m-1/identifiers", {"type": "card", "value": "2900"})
LOOKUP = Operation("POST", "/v1/accounts/lookup", {"type": "card", "value": "2900"}, needs_key=False)
BULK = Operation(
    "POST",
    "/v1/bulk",
    {
        "mode": "atomic",
        "operations": [{"op": "earn", "account_id": "m-1", "idempotency_key": "one", "points": 5}],
    },
    size_max=4 * KIB * KIB,
)
PROGRAM = Operation("PUT", "/v1/program", {"auto_open": True}, needs_key=False)
KEY = Operation("POST", "/v1/keys", {"scopes": ["read"], "source": "till"})
NEW_PROGRAM = Operation("POST", "/v1/programs", {"slug": "other", "mode": "live"})

OPERATIONS = (
    *(EARN, REDEEM, ADJUST, REVERSE, BUY, PREVIEW, HOLD, CAPTURE, RELEASE, REFUND, REFUND_LINES, CONFIRM, CANCEL),
    *(TRANSFER, MERGE, UNMERGE, TIER, OPEN, STATUS, ATTACH, LOOKUP, BULK, PROGRAM, KEY, NEW_PROGRAM),
)
WITH_POINTS = (EARN, REDEEM, ADJUST, REVERSE, HOLD, CAPTURE, TRANSFER)
WITH_KEY = tuple(operation for operation in OPERATIONS if operation.needs_key)


def assert_problem(answer: Answer, *codes: str) -> None:
    """It is a problem with one of these codes, as the catalogue has it."""
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json()
    assert problem["code"] in codes, answer
    kind = CATALOGUE[problem["code"]]
    assert answer.status == problem["status"] == kind.status < 500
    told = (problem["title"], problem["type"], problem["retryable"])
    assert told == (kind.title, kind.type, kind.is_retryable)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem.keys() >= {"detail", "instance"}
