"""Bulk operations: what one operation of a bulk call may say, and the command that it is."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from ledger_service.api import verbs
from ledger_service.api.calls import Call
from ledger_service.api.commands import Target
from ledger_service.api.fields import AccountId, Seq
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import AdjustBody, Body, EarnBody, RedeemBody, ReverseBody
from ledger_service.api.validation import errors_of, invalid, unfit
from ledger_service.api.verbs import Verb
from ledger_service.ledger.commands import Command

OPERATIONS_MAX: Final = 1000


def _without_quotes(key: str) -> str:
    """As in the header: `"k"` and `k` are the same key."""
    return key[1:-1] if len(key) > 2 and key[0] == key[-1] == '"' else key


Key = Annotated[str, Field(pattern="^[!-~]{1,255}$"), AfterValidator(_without_quotes)]


class EarnOperation(EarnBody):
    """An earn as part of a bulk."""

    op: Literal["earn"]
    account_id: AccountId
    idempotency_key: Key


class RedeemOperation(RedeemBody):
    """A redeem as part of a bulk."""

    op: Literal["redeem"]
    account_id: AccountId
    idempotency_key: Key


class AdjustOperation(AdjustBody):
    """An adjust as part of a bulk."""

    op: Literal["adjust"]
    account_id: AccountId
    idempotency_key: Key


class ReverseOperation(ReverseBody):
    """A reverse as part of a bulk."""

    op: Literal["reverse"]
    account_id: AccountId
    seq: Seq
    idempotency_key: Key


Operation = EarnOperation | RedeemOperation | AdjustOperation | ReverseOperation


class BulkBody(Body):
    """Operations to post each on its own (`independent`) or all together or not at all (`atomic`)."""

    mode: Literal["independent", "atomic"]
    operations: Annotated[
        list[Annotated[Operation, Field(discriminator="op")]], Field(min_length=1, max_length=OPERATIONS_MAX)
    ]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "independent",
                    "operations": [
                        {"op": "earn", "account_id": "m-1", "idempotency_key": "till-7-000123", "points": 120},
                        {"op": "redeem", "account_id": "m-2", "idempotency_key": "till-7-000124", "points": 50},
                    ],
                }
            ]
        }
    )


class _Envelope(Body):
    """The outside of a bulk: its operations are looked at one by one."""

    mode: Literal["independent", "atomic"]
    operations: Annotated[list[Any], Field(min_length=1, max_length=OPERATIONS_MAX)]


_ENVELOPE: Final = TypeAdapter(_Envelope)
_OPERATIONS: Final[dict[str, tuple[Verb, TypeAdapter[Any]]]] = {
    "earn": (verbs.EARN, TypeAdapter(EarnOperation)),
    "redeem": (verbs.REDEEM, TypeAdapter(RedeemOperation)),
    "adjust": (verbs.ADJUST, TypeAdapter(AdjustOperation)),
    "reverse": (verbs.REVERSE, TypeAdapter(ReverseOperation)),
}
_OP_ERROR: Final = ("/op", "not_one_of", "Must be one of: 'earn', 'redeem', 'adjust' or 'reverse'.")


def read_bulk(content: bytes) -> tuple[Literal["independent", "atomic"], list[Any]]:
    """The mode and the operations, which are not looked at yet. Raises Unfit."""
    try:
        document = from_json(content, allow_inf_nan=False)
    except ValueError:
        raise Unfit("malformed_request") from None
    try:
        envelope = _ENVELOPE.validate_python(document)
    except ValidationError as wrong:
        raise unfit(wrong) from None
    return envelope.mode, envelope.operations


def command_of(call: Call, item: Any) -> Command:
    """The command that an operation is: with the fingerprint that the same single call has. Raises Unfit."""
    op = item.get("op") if isinstance(item, dict) else None
    if not isinstance(op, str) or op not in _OPERATIONS:
        raise invalid(*_OP_ERROR)
    verb, adapter = _OPERATIONS[op]
    call.require(verb.scope)
    try:
        operation = adapter.validate_python(item)
    except ValidationError as wrong:
        raise Unfit(
            "validation_failed", errors=errors_of(wrong.errors(include_url=False, include_input=False))
        ) from None
    target = Target(operation.account_id, seq=getattr(operation, "seq", 0))
    return verb.to_command(replace(call, key=operation.idempotency_key), target, operation)
