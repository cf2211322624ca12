"""Routers: the ordinary routes. The hot ones are the rows of VERBS and the balance."""

from typing import Final

from ledger_service.api import accounts, bulk, events, history, keys, programs

ROUTERS: Final = (accounts.router, history.router, bulk.router, programs.router, keys.router, events.router)
