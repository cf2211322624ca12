"""Wiring: what the endpoints are given, built by whoever starts the service."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry

from ledger_service.posting.poster import Poster
from ledger_service.storage.database import Database
from ledger_service.storage.feed import Feed
from ledger_service.storage.keys import Keys
from ledger_service.storage.lookups import Lookups
from ledger_service.storage.programs import Programs
from ledger_service.storage.purchases import Purchases
from ledger_service.storage.reads import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything behind the HTTP contract, open and running."""

    poster: Poster
    reads: Reads
    lookups: Lookups
    feed: Feed
    programs: Programs
    purchases: Purchases
    keys: Keys
    database: Database
    settle_due: Callable[[int], Awaitable[int]]
    """Does all due work of a program; answers for how many accounts."""
    pepper: bytes
    """Of the HMACs over identifiers and cursors, at least 32 bytes, kept outside the database."""
    is_draining: Callable[[], bool]
    """Whether this instance is on its way out: the probes say so, so that nobody new comes."""
    registry: CollectorRegistry = field(default=REGISTRY)
    """Whose series /metrics shows."""
