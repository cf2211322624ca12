from pathlib import Path

from ledger_service.cli.cluster.rest import Member
from ledger_service.cli.cluster.status import node_row
from tests.unit.cluster.states import state_in


def test_a_node_is_shown_as_patroni_knows_it(tmp_path: Path):
    node = state_in(tmp_path).node("n2")
    member = Member("n2", "sync_standby", "streaming", 3, 512)
    assert node_row(node, member) == ("n2", "sync_standby", "streaming", "3", "512", "127.0.0.1:5432")


def test_a_node_of_which_nothing_is_known_is_shown_all_the_same(tmp_path: Path):
    node = state_in(tmp_path).node("n2")
    assert node_row(node, None) == ("n2", "unknown", "not answering", "", "", "127.0.0.1:5432")
