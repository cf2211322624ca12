"""Commands about orders: from a body and the call it came with to the frozen command of the ledger."""

from ledger_service.api.calls import Call
from ledger_service.api.commands import Target, purchase_of
from ledger_service.api.fingerprints import defaults_of, fingerprint, meaning_of
from ledger_service.api.schemas_of_orders import OrderBody, PreviewBody, RefundBody, ReturnedLineBody
from ledger_service.api.validation import invalid, require_one
from ledger_service.ledger.commands import CancelOrder, Command, ConfirmOrder, Preview, Refund, ReturnedLine

REFUND_DEFAULTS = defaults_of(RefundBody)
ORDER_DEFAULTS = defaults_of(OrderBody)
PREVIEW_DEFAULTS = defaults_of(PreviewBody)


def refund(call: Call, target: Target, body: RefundBody) -> Command:
    require_one(body, "amount", "lines")
    if body.amount is not None and not body.amount:
        raise invalid("/amount", "out_of_range", "Must be above 0.")
    # Of what was found only the order is part of the meaning: its account may be another one when the call is repeated.
    return Refund(
        account_id=target.account_id,
        chain=target.chain,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("refund", (target.order_id,), meaning_of(body, REFUND_DEFAULTS)),
        request_id=call.request_id,
        order_id=target.order_id,
        currency=body.currency,
        amount=body.amount,
        lines=tuple(_returned(line, f"/lines/{index}") for index, line in enumerate(body.lines or ())),
        reason=body.reason,
    )


def _returned(line: ReturnedLineBody, place: str) -> ReturnedLine:
    require_one(line, "quantity", "amount", place)
    if line.amount is not None and not line.amount:
        raise invalid(f"{place}/amount", "out_of_range", "Must be above 0.")
    return ReturnedLine(line.sku, line.quantity, line.amount)


def confirm(call: Call, target: Target, body: OrderBody) -> Command:
    return ConfirmOrder(
        account_id=target.account_id,
        chain=target.chain,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("confirm", (target.order_id,), meaning_of(body, ORDER_DEFAULTS)),
        request_id=call.request_id,
        order_id=target.order_id,
        reason=body.reason,
    )


def cancel(call: Call, target: Target, body: OrderBody) -> Command:
    return CancelOrder(
        account_id=target.account_id,
        chain=target.chain,
        source=call.principal.source,
        key=call.key,
        fingerprint=fingerprint("cancel", (target.order_id,), meaning_of(body, ORDER_DEFAULTS)),
        request_id=call.request_id,
        order_id=target.order_id,
        reason=body.reason,
    )


def preview(call: Call, body: PreviewBody) -> Command:
    """Without a key, since it is never written."""
    return Preview(
        account_id=body.account_id or "",
        source=call.principal.source,
        key=None,
        fingerprint=fingerprint("preview", (), meaning_of(body, PREVIEW_DEFAULTS)),
        request_id=call.request_id,
        purchase=purchase_of(body.purchase),
        occurred_at=body.occurred_at,
    )
