"""The ports of a new cluster."""

import random
from collections.abc import Iterator

from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.embedded.ports import is_free

# Below the range from which systems take the local ports of outgoing connections: a node that is down must find its
# ports free when it comes back.
RANGE = range(20_000, 32_000)


def free_ports() -> Iterator[int]:
    """Ports that nobody listens on now, none of them twice. Raises ClusterFailure when there are no more."""
    for port in random.sample(RANGE, len(RANGE)):
        if is_free(port):
            yield port
    raise ClusterFailure(f"All ports from {RANGE.start} to {RANGE.stop - 1} are taken.")
