from pathlib import Path

import pytest

from ledger_service.cli.cluster.layout import known_or_new, locked, wipe
from ledger_service.embedded import EmbeddedFailure
from tests.unit.cluster.states import state_in


def test_a_new_cluster_has_ports_of_which_none_is_twice_and_none_an_outgoing_connection_may_take(tmp_path: Path):
    state = known_or_new(tmp_path)
    ports = [state.rw_port, state.ro_port, state.api_port]
    ports += [port for one in state.services for port in (one.port, one.admin_port)]
    for node in state.nodes:
        ports += [node.postgres_port, node.patroni_port, node.etcd_client_port, node.etcd_peer_port]
    assert len(set(ports)) == len(ports) == 19
    assert max(ports) < 32_768


def test_a_cluster_that_was_here_keeps_its_ports(tmp_path: Path):
    state = state_in(tmp_path)
    state.save()
    assert known_or_new(tmp_path) == state


def test_two_cannot_be_at_work_in_one_folder(tmp_path: Path):
    with locked(tmp_path), pytest.raises(EmbeddedFailure, match="in use"), locked(tmp_path):
        pass


def test_what_others_put_into_the_folder_survives_a_wipe(tmp_path: Path):
    state = state_in(tmp_path)
    state.save()
    for folder in (*(node.folder for node in state.nodes), state.logs):
        folder.mkdir()
        (folder / "file").touch()
    state.api_key_file.touch()
    (tmp_path / "notes.txt").write_text("ours")
    wipe(state)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_with_nothing_else_in_it_goes_too(tmp_path: Path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    state_in(folder).save()
    wipe(state_in(folder))
    assert not folder.exists()
