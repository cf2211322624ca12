"""Answers: from what a command came to, to the bytes that are sent. Equal outcomes are equal bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final, assert_never

from starlette.types import Send

from ledger_service.api import problems
from ledger_service.api.catalogue import CATALOGUE
from ledger_service.errors import Failure
from ledger_service.ledger.details import detail_of
from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import Hold, HoldFacts
from ledger_service.ledger.lots import instant
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.outcomes import (
    Answered,
    First,
    Outcome,
    Posted,
    PostedSeveral,
    Refused,
    Repeated,
    Replayed,
    WrittenTogether,
)

Header = tuple[bytes, bytes]

_JSON: Final[Header] = (b"content-type", b"application/json")
_PROBLEM: Final[Header] = (b"content-type", problems.CONTENT_TYPE)
_REPLAYED: Final[Header] = (b"idempotent-replayed", b"true")
_CHALLENGE: Final[Header] = (b"www-authenticate", b'Bearer realm="ledger"')

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and the headers that are this answer's own."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = (_JSON,)
    code: str | None = None
    """Of a problem."""

    async def send(self, send: Send) -> None:
        size = (b"content-length", str(len(self.body)).encode())
        headers = [*self.headers] if self.status in (204, 304) else [*self.headers, size]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    @property
    def is_replay(self) -> bool:
        return _REPLAYED in self.headers


def answer(outcome: Outcome, status: int) -> Answer:
    """The answer to a command; `status` is that of its success."""
    if isinstance(outcome, Replayed):
        return _again(_first(outcome.first, status))
    return _first(outcome, status)


def _first(outcome: First, status: int) -> Answer:
    match outcome:
        case Posted(entry):
            return Answer(status, placed_json(entry) if entry.kind == "hold" else entry_json(entry))
        case PostedSeveral(entries):
            return Answer(status, entries_json(entries))
        case Repeated(entry):
            body = entries_json((entry,)) if entry.kind == "confirm" else entry_json(entry)
            return Answer(200, body, (_JSON, _REPLAYED))
        case Answered(detail):
            return Answer(status, detail.encode())
        case Refused(refusal, request_id):
            return problem(refusal.code, request_id, problems.fields_of(refusal))
        case WrittenTogether():
            raise TypeError("what was written together is answered item by item")
        case _:
            assert_never(outcome)


def _again(first: Answer) -> Answer:
    if first.is_replay:
        return first
    return Answer(first.status, first.body, (*first.headers, _REPLAYED), first.code)


def problem(
    code: str,
    request_id: str,
    fields: Mapping[str, Any] | None = None,
    detail: str | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """The problem of a code. What may succeed later says when to come back, if `headers` do not."""
    kind = CATALOGUE[code]
    if kind.status == 401:
        headers += (_CHALLENGE,)
    if kind.is_retryable and all(name != b"retry-after" for name, _ in headers):
        headers += ((b"retry-after", problems.retry_after().encode()),)
    return Answer(kind.status, problems.body_of(code, request_id, fields, detail), (_PROBLEM, *headers), code)


def problem_of(raised: Exception, request_id: str) -> Answer:
    """The problem of whatever was raised on the way; what nobody foresaw is `internal_error` and tells nothing."""
    match raised:
        case problems.Unfit():
            headers = tuple((name.lower().encode(), value.encode()) for name, value in raised.headers.items())
            return problem(raised.code, request_id, raised.fields, raised.detail, headers)
        case Failure():
            return problem(problems.code_of(raised), request_id)
        case _:
            return problem("internal_error", request_id)


def entry_json(entry: Entry) -> bytes:
    """An entry as callers see it. Written out, since it is the answer of every posting."""
    text = encode_basestring
    return (
        f'{{"account_id":"{entry.account_id}","seq":{entry.seq},"kind":"{entry.kind}","points":{entry.points},'
        f'"balance_after":{entry.balance_after},"available_after":{entry.available_after},'
        f'"pending_after":{entry.pending_after},"held_after":{entry.held_after},'
        f'"order_id":{"null" if entry.order_id is None else text(entry.order_id)},"source":{text(entry.source)},'
        f'"reason":{"null" if entry.reason is None else text(entry.reason)},"metadata":{entry.metadata},'
        f'"available_at":{"null" if entry.available_at is None else _instant(entry.available_at)},'
        f'"expires_at":{"null" if entry.expires_at is None else _instant(entry.expires_at)},'
        f'"reverses_seq":{"null" if entry.reverses_seq is None else entry.reverses_seq},'
        f'"transfer_id":{"null" if entry.transfer_id is None else text(entry.transfer_id)},'
        f'"written_off":{entry.written_off},"rule_version":{entry.rule_version},'
        f'"occurred_at":{_instant(entry.occurred_at)},"recorded_at":{_instant(entry.recorded_at)},'
        f'"idempotency_key":{"null" if entry.key is None else text(entry.key)},"hash":"{entry.hash.hex()}"}}'
    ).encode()


def entries_json(entries: tuple[Entry, ...]) -> bytes:
    """Entries that belong to one answer; that of a refund also says what is left of the purchase."""
    members = [b'"entries":[' + b",".join(entry_json(entry) for entry in entries) + b"]"]
    for entry in entries:
        remaining = detail_of(entry).get("refund", {}).get("remaining")
        if remaining is not None:
            members.append(b'"remaining_purchase":' + _encode(remaining).encode())
    return b"{" + b",".join(members) + b"}"


def placed_json(entry: Entry) -> bytes:
    """The hold that an entry placed, as it was then: made of the entry alone, so that a replay is the same bytes."""
    detail = detail_of(entry)
    hold = Hold(
        hold_id=detail["hold_id"],
        account_id=entry.account_id,
        seq=entry.seq,
        points=detail["hold"]["points"],
        expires_at=instant(detail["hold"]["expires_at"]),
        movements=entry.movements,
        source=entry.source,
        order_id=entry.order_id,
        created_at=entry.recorded_at,
    )
    return _encode(hold_document(HoldFacts(hold), entry.reason, entry.metadata)).encode()


def hold_document(facts: HoldFacts, reason: str | None, metadata: str) -> dict[str, Any]:
    """A hold as callers see it."""
    hold = facts.hold
    return {
        "hold_id": hold.hold_id,
        "account_id": hold.account_id,
        "points": hold.points,
        "status": facts.status,
        "expires_at": rfc3339(hold.expires_at),
        "seq": hold.seq,
        "order_id": hold.order_id,
        "source": hold.source,
        "reason": reason,
        "metadata": json.loads(metadata),
        "created_at": rfc3339(hold.created_at),
        "captured": facts.captured,
        "closed_seq": facts.closed_seq,
        "closed_at": None if facts.closed_at is None else rfc3339(facts.closed_at),
    }


def _instant(instant: Any) -> str:
    return f'"{rfc3339(instant)}"'
