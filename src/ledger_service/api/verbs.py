"""Verbs: the commands that callers can post, a row each. What really differs between them is the body."""

from typing import Final

from ledger_service.api.verb import Verb
from ledger_service.api.verbs_of_accounts import ATTACH, MERGE, OPEN, REVOKE, STATUS, TIER, UNMERGE
from ledger_service.api.verbs_of_orders import CANCEL, CONFIRM, REFUND
from ledger_service.api.verbs_of_points import ADJUST, CAPTURE, EARN, HOLD, REDEEM, RELEASE, REVERSE, TRANSFER

VERBS: Final[tuple[Verb, ...]] = (
    EARN,
    REDEEM,
    HOLD,
    CAPTURE,
    RELEASE,
    ADJUST,
    REVERSE,
    REFUND,
    CONFIRM,
    CANCEL,
    TRANSFER,
    MERGE,
    UNMERGE,
    OPEN,
    ATTACH,
    REVOKE,
    STATUS,
    TIER,
)
