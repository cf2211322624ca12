"""What can go wrong with a drill itself, as opposed to what it finds."""

from ledger_service.errors import Failure


class DrillFailure(Failure):
    """The drill could not be done; the text says why. Nothing is proven by it."""
