"""What callers were told, made out of what a test cares about. Instants are in seconds here."""

from ledger_service.cli.drill.answers import Outcome
from ledger_service.cli.drill.load import Told
from ledger_service.cli.drill.schedule import Kind


def told(
    at: float,
    seconds: float = 0.0,
    *,
    kind: Kind = Kind.EARN,
    outcome: Outcome = Outcome.OK,
    tries: int = 1,
    deadline: float = 4.5,
) -> Told:
    """One operation that was meant to start `at` and took so long."""
    return Told(
        number=1,
        kind=kind,
        account_id="m-1",
        to_account=None,
        intended_ns=nanoseconds(at),
        ended_ns=nanoseconds(at + seconds),
        outcome=outcome,
        code=None,
        tries=tries,
        is_in_time=seconds <= deadline,
    )


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
