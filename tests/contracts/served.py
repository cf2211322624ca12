"""Callers and services for contracts that look at routes without calling any."""

from typing import Any, cast

from ledger_service.api.calls import Callers
from ledger_service.api.identity import Identity
from ledger_service.api.security import Keyring
from ledger_service.api.wiring import Services


def nobody() -> Callers:
    """Nobody ever calls through these."""
    nothing = cast(Any, None)
    services = Services(
        poster=nothing,
        reads=nothing,
        lookups=nothing,
        feed=nothing,
        programs=nothing,
        purchases=nothing,
        keys=nothing,
        database=nothing,
        settle_due=nothing,
        pepper=b"",
        is_draining=lambda: False,
    )
    return Callers(services, Keyring(nothing, 0, lambda: 0.0), Identity(b""), 4500)
