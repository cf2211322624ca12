"""The journal, as posting needs it: one round trip before the fold and one after it."""

from collections.abc import Sequence
from typing import Protocol

from ledger_service.ledger.commands import Command
from ledger_service.ledger.proposals import Proposal, Written
from ledger_service.ledger.states import Loaded


class Journal(Protocol):
    """Where the books are.

    Only `OutcomeUnknown` leaves it open whether something was written. After any other exception nothing was.
    `give_up_at` is an instant of the loop's clock: nobody waits for an answer after it, so the connection is closed.
    """

    async def load_batch(self, program_id: int, commands: Sequence[Command], give_up_at: float | None = None) -> Loaded:
        """Everything these commands of one program are decided from.

        Raises DatabaseUnavailable: there is no connection now.
        """
        ...

    async def write_batch(self, proposal: Proposal, give_up_at: float | None = None) -> Written:
        """Write what the core proposes, but for the accounts in conflict.

        Raises DatabaseUnavailable: the gate was not called, or it rolled back and may be called again. KeyTaken:
        decide all of it again. AccountLocked: a row was not to be had. ProposalRejected: an invariant would have been
        broken. OutcomeUnknown: the connection was lost after the gate was called.
        """
        ...

    async def barrier(self, give_up_at: float | None = None) -> None:
        """Return once everything that was loaded before is as durable as what is written: a server that came back from
        a crash shows what it never replicated.

        Raises DatabaseUnavailable, OutcomeUnknown.
        """
        ...
