from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.cluster.state import FILE, ClusterState
from tests.unit.cluster.states import state_in


def test_what_was_saved_is_what_is_loaded(tmp_path: Path):
    state = replace(state_in(tmp_path), proxy_pid=7)
    state.save()
    assert ClusterState.load(tmp_path) == state


def test_only_its_owner_can_read_it(tmp_path: Path):
    state_in(tmp_path).save()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_where_there_never_was_a_cluster_the_error_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(ClusterFailure, match="ledger-service cluster up"):
        ClusterState.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nodes": [{}], "services": []}'])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ClusterFailure, match=FILE):
        ClusterState.load(tmp_path)


def test_a_changed_node_takes_the_place_of_the_one_of_its_name(tmp_path: Path):
    state = state_in(tmp_path)
    changed = state.with_node(replace(state.node("n2"), patroni_pid=99))
    assert [node.patroni_pid for node in changed.nodes] == [21, 99, 23]
    assert [node.name for node in changed.nodes] == ["n1", "n2", "n3"]


def test_a_node_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    with pytest.raises(ClusterFailure, match="n1, n2, n3"):
        state_in(tmp_path).node("n4")
