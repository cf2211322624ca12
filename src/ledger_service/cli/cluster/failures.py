"""What can go wrong with a cluster on one machine."""

from ledger_service.errors import Failure


class ClusterFailure(Failure):
    """The cluster could not do what it was asked; the text says why, and where to look."""
