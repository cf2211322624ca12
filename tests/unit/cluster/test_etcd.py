from pathlib import Path

import yaml

from ledger_service.cli.cluster.etcd import SETTINGS, etcd_settings
from tests.unit.cluster.states import state_in

FOR_MACHINES = Path(__file__).parents[3] / "deploy" / "ha" / "etcd.conf.yml"


def test_machines_of_their_own_get_the_very_settings_that_are_tried_on_one_machine(tmp_path: Path):
    state = state_in(tmp_path)
    found = yaml.safe_load(FOR_MACHINES.read_text())
    assert {name: found[name] for name in SETTINGS} == SETTINGS
    assert found.keys() == etcd_settings(state.nodes[0], state.nodes).keys()


def test_every_member_knows_where_all_the_others_are(tmp_path: Path):
    state = state_in(tmp_path)
    settings = [etcd_settings(node, state.nodes) for node in state.nodes]
    assert {one["initial-cluster"] for one in settings} == {
        "n1=http://127.0.0.1:2381,n2=http://127.0.0.1:2382,n3=http://127.0.0.1:2383"
    }
    for one in settings:
        assert f"{one['name']}={one['initial-advertise-peer-urls']}" in one["initial-cluster"].split(",")


def test_the_gateway_that_patroni_speaks_to_is_on():
    assert SETTINGS["enable-grpc-gateway"] is True
