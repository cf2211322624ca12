"""Balance: what an account has, now or at any instant. Bare ASGI, like the postings: tills ask for it before every
redeem."""

import json
from asyncio import Future
from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Final

from pydantic_core import PydanticCustomError
from starlette.types import Receive, Scope, Send

from ledger_service.api.answers import Answer
from ledger_service.api.calls import Call, Callers, parameters_of, query_of, until_deadline
from ledger_service.api.conditional import entity_tag, is_unchanged
from ledger_service.api.fields import instant_of
from ledger_service.api.posting import target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.validation import invalid
from ledger_service.ledger.lots import EPOCH
from ledger_service.ledger.membership import rfc3339, tier_view
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.storage.balances import BalanceView

PATH: Final = "/v1/accounts/{account_id}/balance"
SCOPE: Final = "read"

_QUERY: Final = frozenset({"min_seq", "at"})


class BalanceEndpoint:
    """What came in, what was asked, what goes out. ASGI, and straight for a balance of now."""

    scope = SCOPE
    goes_straight = True

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._reads = callers.services.reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await self._callers.call(scope, SCOPE)
        account_id = target_of(scope["path_params"]).account_id
        query = query_of(scope, _QUERY)
        seq_min = _seq_min(query)
        if "at" in query:
            at = instant_in(query["at"], "/query/at")
            view = await until_deadline(call, self._reads.balance(call.program_id, account_id, at))
        else:
            view = await until_deadline(call, self._reads.balances.ask(call.program_id, account_id))
        await _answer_to(call, account_id, seq_min, view).send(send)

    def can_begin(self, query: bytes) -> bool:
        """Whether a request with this query string may go straight: one about another time may not."""
        return b"at=" not in query and b"%" not in query

    def begin(
        self, call: Call, account_id: str, query: bytes, content: bytes
    ) -> tuple[Future[BalanceView | None], Callable[[BalanceView | None], Answer]]:
        """Ask for the balance. Raises Unfit and Overloaded."""
        seq_min = _seq_min(parameters_of(query, _QUERY))
        asked = self._reads.balances.ask(call.program_id, account_id)
        call.patience.watch(call.deadline, asked)
        return asked, partial(_answer_to, call, account_id, seq_min)


def _answer_to(call: Call, account_id: str, seq_min: int, view: BalanceView | None) -> Answer:
    if view is None:
        raise Unfit("account_not_found", account_id=account_id)
    if view.newest_seq < seq_min:
        raise Unfit("seq_not_reached", seq=view.newest_seq)
    return _answer(view, call.headers.get(b"if-none-match"))


def balance_json(view: BalanceView) -> str:
    """A balance as callers see it."""
    return f'{{{_settled_json(view)},"as_of":"{rfc3339(view.as_of)}"}}'


def _answer(view: BalanceView, if_none_match: bytes | None) -> Answer:
    # The moment asked is not part of the tag: it would change with every question.
    tag = entity_tag(blake2b(_settled_json(view).encode(), digest_size=12).hexdigest())
    headers = ((b"content-type", b"application/json"), (b"etag", tag.encode()))
    if is_unchanged(if_none_match, tag):
        return Answer(304, b"", headers[1:])
    return Answer(200, balance_json(view).encode(), headers)


def _settled_json(view: BalanceView) -> str:
    expiry = "null"
    if view.next_expiry is not None:
        at, points = view.next_expiry
        expiry = f'{{"at":"{rfc3339(at)}","points":{points}}}'
    tier = "null" if view.tier is None else json.dumps(tier_view(view.tier), ensure_ascii=False, separators=(",", ":"))
    return (
        f'"account_id":"{view.account_id}","seq":{view.seq},"balance":{view.balance},"available":{view.available},'
        f'"pending":{view.pending},"held":{view.held},"tier":{tier},"next_expiry":{expiry},"source":"{view.source}"'
    )


def instant_in(text: str, pointer: str) -> datetime:
    """An instant in a query, from 1970 on. Raises Unfit `validation_failed`."""
    try:
        instant = instant_of(text)
    except PydanticCustomError as wrong:
        if wrong.type == "not_an_instant":
            detail = "Must be an RFC 3339 time with an offset, like 2026-12-31T23:00:00Z (write + as %2B)."
            raise invalid(pointer, "not_an_instant", detail) from None
        raise _beyond(pointer) from None
    if instant < EPOCH:
        raise _beyond(pointer)
    return instant


def _beyond(pointer: str) -> Unfit:
    return invalid(pointer, "out_of_range", "Must be in the years 1970 to 9998.")


def _seq_min(query: dict[str, str]) -> int:
    text = query.get("min_seq", "0")
    if len(text) > 16 or not (text.isascii() and text.isdigit()) or int(text) > POINTS_MAX:
        raise invalid("/query/min_seq", "not_an_integer", "Must be a whole number, 0 or more.")
    return int(text)
