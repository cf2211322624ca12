"""Bulk operations: what one operation of a bulk call may say, and what it asks for."""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from ledger_service.api.calls import Call
from ledger_service.api.commands import Target
from ledger_service.api.fields import AccountId, HoldId, OrderId, Seq
from ledger_service.api.finding import Asked
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import (
    POINTS_OR_PURCHASE,
    AdjustBody,
    Body,
    CaptureBody,
    EarnBody,
    HoldBody,
    RedeemBody,
    ReleaseBody,
    ReverseBody,
)
from ledger_service.api.schemas_of_accounts import MergeBody, TierBody, TransferBody, UnmergeBody
from ledger_service.api.schemas_of_orders import AMOUNT_OR_LINES, OrderBody, RefundBody
from ledger_service.api.validation import invalid, unfit
from ledger_service.api.verb import Verb
from ledger_service.api.verbs import VERBS

OPERATIONS_MAX: Final = 1000


def _without_quotes(key: str) -> str:
    """As in the header: `"k"` and `k` are the same key."""
    return key[1:-1] if len(key) > 2 and key[0] == key[-1] == '"' else key


Key = Annotated[str, Field(pattern="^[!-~]{1,255}$"), AfterValidator(_without_quotes)]


class Keyed(Body):
    """What every operation has: a key of its own."""

    idempotency_key: Key

    # The examples of the single calls lack what an operation has.
    model_config = ConfigDict(json_schema_extra={})


class OnAccount(Keyed):
    account_id: AccountId


class OnHold(Keyed):
    hold_id: HoldId


class OnOrder(Keyed):
    order_id: OrderId


class EarnOperation(EarnBody, OnAccount):
    """An earn as part of a bulk."""

    op: Literal["earn"]

    model_config = ConfigDict(json_schema_extra=POINTS_OR_PURCHASE)


class RedeemOperation(RedeemBody, OnAccount):
    """A redeem as part of a bulk."""

    op: Literal["redeem"]


class HoldOperation(HoldBody, OnAccount):
    """A hold to place as part of a bulk."""

    op: Literal["hold"]


class CaptureOperation(CaptureBody, OnHold):
    """A capture as part of a bulk."""

    op: Literal["capture"]


class ReleaseOperation(ReleaseBody, OnHold):
    """A release as part of a bulk."""

    op: Literal["release"]


class AdjustOperation(AdjustBody, OnAccount):
    """An adjust as part of a bulk."""

    op: Literal["adjust"]


class ReverseOperation(ReverseBody, OnAccount):
    """A reverse as part of a bulk."""

    op: Literal["reverse"]
    seq: Seq


class RefundOperation(RefundBody, OnOrder):
    """A refund as part of a bulk."""

    op: Literal["refund"]

    model_config = ConfigDict(json_schema_extra=AMOUNT_OR_LINES)


class ConfirmOperation(OrderBody, OnOrder):
    """A confirm as part of a bulk."""

    op: Literal["confirm"]


class CancelOperation(OrderBody, OnOrder):
    """A cancel as part of a bulk."""

    op: Literal["cancel"]


class TransferOperation(TransferBody, Keyed):
    """A transfer as part of a bulk."""

    op: Literal["transfer"]


class MergeOperation(MergeBody, OnAccount):
    """A merge as part of a bulk."""

    op: Literal["merge"]


class UnmergeOperation(UnmergeBody, OnAccount):
    """An unmerge as part of a bulk."""

    op: Literal["unmerge"]


class TierOperation(TierBody, OnAccount):
    """A tier given by hand as part of a bulk."""

    op: Literal["tier"]


Operation = (
    EarnOperation
    | RedeemOperation
    | HoldOperation
    | CaptureOperation
    | ReleaseOperation
    | AdjustOperation
    | ReverseOperation
    | RefundOperation
    | ConfirmOperation
    | CancelOperation
    | TransferOperation
    | MergeOperation
    | UnmergeOperation
    | TierOperation
)


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
_VERBS: Final = {verb.name: verb for verb in VERBS}
_NAMED: Final = ("account_id", "seq", "hold_id", "order_id")
"""What the path of a single call names. An earn's `order_id` is not such a one: it is in the body of both."""


def _named_by(verb: Verb) -> tuple[str, ...]:
    return tuple(name for name in _NAMED if f"{{{name}}}" in verb.path)


_OPERATIONS: Final[dict[str, tuple[Verb, TypeAdapter[Any], tuple[str, ...]]]] = {
    op: (_VERBS[op], TypeAdapter(model), _named_by(_VERBS[op]))
    for model in get_args(Operation)
    for op in get_args(model.model_fields["op"].annotation)
}
_NAMES: Final = [repr(op) for op in _OPERATIONS]
_OP_ERROR: Final = ("/op", "not_one_of", f"Must be one of: {', '.join(_NAMES[:-1])} or {_NAMES[-1]}.")


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


def asked_of(call: Call, item: Any) -> Asked:
    """What an operation asks for: the same as the single call, with the same fingerprint. Raises Unfit."""
    op = item.get("op") if isinstance(item, dict) else None
    if not isinstance(op, str) or op not in _OPERATIONS:
        raise invalid(*_OP_ERROR)
    verb, adapter, names = _OPERATIONS[op]
    call.require(verb.scope)
    try:
        operation = adapter.validate_python(item)
    except ValidationError as wrong:
        raise unfit(wrong) from None
    named = {name: getattr(operation, name) for name in names}
    return Asked(verb, call.under(operation.idempotency_key), Target(**named), operation)
