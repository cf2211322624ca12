"""Routers: the ordinary routes. The hot ones are the rows of VERBS and the balance."""

from typing import Final

from ledger_service.api import (
    accounts,
    bulk,
    events,
    explain,
    history,
    holds,
    keys,
    preview,
    programs,
    rehearsal,
    reports,
    test_clock,
)

ROUTERS: Final = (
    accounts.router,
    history.router,
    explain.router,
    holds.router,
    preview.router,
    bulk.router,
    programs.router,
    rehearsal.router,
    test_clock.router,
    reports.router,
    keys.router,
    events.router,
)
