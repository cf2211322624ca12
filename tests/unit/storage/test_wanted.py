"""Wanted: a batch asks for what its commands rest on, and for nothing else."""

from typing import Any

import pytest

from ledger_service.ledger.commands import Command
from ledger_service.storage.wanted import Wanted, wanted_by
from tests.builders import (
    adjust,
    attach,
    cancel,
    capture,
    claim,
    confirm,
    earn,
    merge,
    open_account,
    place_hold,
    preview,
    redeem,
    refund,
    release,
    reverse,
    revoke,
    set_status,
    set_tier,
    settle_due,
    together,
    transfer,
    unmerge,
)

CARD = claim("1111")
EARN, REDEEM = ("till", "earn", "A-1"), ("till", "redeem", "A-1")
ASKED: dict[str, tuple[Command, dict[str, Any]]] = {
    "earn": (earn(), {}),
    "earn of an order": (earn(order_id="A-1", source="till"), {"orders": {EARN}}),
    "redeem of an order": (redeem(order_id="A-1", source="till"), {"orders": {REDEEM}}),
    "adjust": (adjust(), {}),
    "settle": (settle_due(), {"keys": []}),
    "preview": (preview(), {"keys": []}),
    "preview without an account": (preview(account_id=""), {"keys": [], "account_ids": {""}}),
    "reverse": (reverse(7), {"entries": {("m-1", 7)}}),
    "hold": (place_hold(), {}),
    "hold of an order": (place_hold(order_id="A-1", source="till"), {"orders": {REDEEM}}),
    "capture": (
        capture("h-1", order_id="A-1", source="till", chain=("m-2",)),
        {"hold_ids": ["h-1"], "orders": {REDEEM}, "account_ids": {"m-1", "m-2"}},
    ),
    "release": (release("h-1"), {"hold_ids": ["h-1"]}),
    "refund": (
        refund("A-1", source="till", chain=("m-2", "m-3")),
        {"orders": {EARN, REDEEM}, "is_about_orders": True, "account_ids": {"m-1", "m-2", "m-3"}},
    ),
    "confirm": (confirm("A-1", source="till"), {"orders": {EARN, REDEEM}, "is_about_orders": True}),
    "cancel": (cancel("A-1", source="till"), {"orders": {EARN, REDEEM}, "is_about_orders": True}),
    "transfer": (transfer(to_account="m-2"), {"account_ids": {"m-1", "m-2"}}),
    "merge": (merge("m-2"), {"account_ids": {"m-1", "m-2"}, "identifiers_of": ["m-1", "m-2"]}),
    "unmerge": (
        unmerge("m-2"),
        {"account_ids": {"m-1", "m-2"}, "identifiers_of": ["m-1", "m-2"], "merges": ["m-1"]},
    ),
    "status": (set_status(), {"identifiers_of": ["m-1"]}),
    "tier": (set_tier(), {"identifiers_of": ["m-1"]}),
    "revoke": (revoke("card"), {"identifiers_of": ["m-1"]}),
    "attach": (attach(CARD), {"claims": [CARD]}),
    "open": (open_account(identifiers=[CARD]), {"claims": [CARD]}),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_command_asks_for_what_it_rests_on_and_for_nothing_else(name: str):
    command, others = ASKED[name]
    assert wanted_by([command]) == Wanted(**({"account_ids": {"m-1"}, "keys": [command.key]} | others))


def test_commands_that_are_written_together_are_asked_for_each_with_its_key():
    for singles in ([earn(key="one")], [earn(key="one"), redeem(account_id="m-2", key="two", order_id="A-2")]):
        wanted = wanted_by([together(*singles, key="all"), earn(account_id="m-3", key="alone")])
        assert set(wanted.keys) == {"all", "alone", *(single.key for single in singles)}
        assert wanted.account_ids == {"m-3", *(single.account_id for single in singles)}
