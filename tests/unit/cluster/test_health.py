from dataclasses import replace

import pytest

from ledger_service.cli.cluster.health import are_in_order
from ledger_service.cli.cluster.rest import Member

LEADER = Member("n1", "leader", "running", 2, None)
SYNC = Member("n2", "sync_standby", "streaming", 2, 0)
REPLICA = Member("n3", "replica", "streaming", 2, 0)


def test_a_leader_a_synchronous_standby_and_a_replica_that_stream_are_in_order():
    assert are_in_order((LEADER, SYNC, REPLICA), 3)


@pytest.mark.parametrize(
    "found",
    [
        (),
        (LEADER, SYNC),
        (LEADER, replace(SYNC, role="replica"), REPLICA),
        (replace(LEADER, role="replica", state="streaming"), SYNC, REPLICA),
        (replace(LEADER, state="starting"), SYNC, REPLICA),
        (LEADER, replace(SYNC, role="leader", state="running"), REPLICA),
        (LEADER, SYNC, replace(REPLICA, state="running")),
        (LEADER, SYNC, replace(REPLICA, timeline=1)),
    ],
)
def test_anything_less_is_not(found: tuple[Member, ...]):
    assert not are_in_order(found, 3)
