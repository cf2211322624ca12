"""What the embedded Postgres raises."""

from ledger_service.errors import Failure


class EmbeddedFailure(Failure):
    """The embedded Postgres could not be found, created, started or stopped.

    The text is for whoever typed the command: what went wrong and what to do about it."""
