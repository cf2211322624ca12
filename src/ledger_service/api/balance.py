"""Balance: what an account has now. Bare ASGI, like the postings: tills ask for it before every redeem."""

from hashlib import blake2b
from typing import Final

from starlette.types import Receive, Scope, Send

from ledger_service.api.answers import Answer
from ledger_service.api.calls import Callers, query_of, until_deadline
from ledger_service.api.conditional import entity_tag, is_unchanged
from ledger_service.api.posting import target_of
from ledger_service.api.problems import Unfit
from ledger_service.api.validation import invalid
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.storage.reads import BalanceView

PATH: Final = "/v1/accounts/{account_id}/balance"
SCOPE: Final = "read"

_QUERY: Final = frozenset({"min_seq"})


class BalanceEndpoint:
    """What came in, what was asked, what goes out. ASGI."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._reads = callers.services.reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await self._callers.call(scope, SCOPE)
        account_id = target_of(scope["path_params"]).account_id
        seq_min = _seq_min(query_of(scope, _QUERY))
        view = await until_deadline(call, self._reads.balance(call.program_id, account_id))
        if view is None:
            raise Unfit("account_not_found", account_id=account_id)
        if view.seq < seq_min:
            raise Unfit("seq_not_reached", seq=view.seq)
        await _answer(view, call.headers.get(b"if-none-match")).send(send)


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
    return (
        f'"account_id":"{view.account_id}","seq":{view.seq},"balance":{view.balance},"available":{view.available},'
        f'"pending":{view.pending},"held":{view.held},"tier":null,"next_expiry":{expiry},"source":"primary"'
    )


def _seq_min(query: dict[str, str]) -> int:
    text = query.get("min_seq", "0")
    if len(text) > 16 or not (text.isascii() and text.isdigit()) or int(text) > POINTS_MAX:
        raise invalid("/query/min_seq", "not_an_integer", "Must be a whole number, 0 or more.")
    return int(text)
