"""Verbs of orders: what became of a purchase that was earned or redeemed on."""

from typing import Final

from ledger_service.api.commands_of_orders import cancel, confirm, refund
from ledger_service.api.schemas_of_orders import OrderBody, RefundBody
from ledger_service.api.verb import Verb
from ledger_service.api.views import Entries
from ledger_service.api.views_of_orders import Refunded

_OF_THE_SOURCE: Final = "The order is one of the API key's source."

REFUND: Final = Verb(
    name="refund",
    path="/v1/orders/{order_id}/refund",
    operation_id="refundOrder",
    tag="orders",
    scope="adjust",
    body=RefundBody,
    to_command=refund,
    answer=Refunded,
    not_found="order_not_found",
    summary="Refund a purchase",
    description="Deducts what the rest of the purchase would not have earned, under the rules of then, and gives back "
    "points redeemed on the order in proportion. Any split and order of refunds ends in the same place. "
    + _OF_THE_SOURCE,
    refusals=("order_not_found", "account_merged", "exceeds_remaining", "nothing_to_reverse", "limit_exceeded"),
)
CONFIRM: Final = Verb(
    name="confirm",
    path="/v1/orders/{order_id}/confirm",
    operation_id="confirmOrder",
    repeats=True,
    tag="orders",
    scope="adjust",
    body=OrderBody,
    to_command=confirm,
    answer=Entries,
    needs_body=False,
    not_found="order_not_found",
    summary="Free the points of an order",
    description="Points that wait for an event (`available: on_event`) can be used from now on. Once: an order "
    "that was confirmed before, under another key, answers the first entry with 200. " + _OF_THE_SOURCE,
    refusals=("order_not_found", "account_merged", "already_reversed", "nothing_to_reverse", "limit_exceeded"),
)
CANCEL: Final = Verb(
    name="cancel",
    path="/v1/orders/{order_id}/cancel",
    operation_id="cancelOrder",
    tag="orders",
    scope="adjust",
    body=OrderBody,
    to_command=cancel,
    answer=Entries,
    needs_body=False,
    not_found="order_not_found",
    summary="Take back the points of an order",
    description="Takes back all that the order earned and is left of it. " + _OF_THE_SOURCE,
    refusals=("order_not_found", "account_merged", "already_reversed", "nothing_to_reverse", "limit_exceeded"),
)
