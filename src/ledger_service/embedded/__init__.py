"""The Postgres that comes with the package: for `dev`, benchmarks and tests. Production brings its own."""

from ledger_service.embedded.failures import EmbeddedFailure
from ledger_service.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedFailure", "EmbeddedPostgres"]
