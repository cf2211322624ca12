from pathlib import Path

import yaml

from ledger_service.cli.cluster.files import ClusterFiles
from ledger_service.cli.cluster.patroni_settings import DYNAMIC, INITDB, patroni_settings
from tests.unit.cluster.states import state_in

FOR_MACHINES = Path(__file__).parents[3] / "deploy" / "ha" / "patroni.yml"


def test_machines_of_their_own_get_the_very_settings_that_are_tried_on_one_machine():
    bootstrap = yaml.safe_load(FOR_MACHINES.read_text())["bootstrap"]
    assert bootstrap["dcs"] == DYNAMIC
    assert bootstrap["initdb"] == INITDB


def test_a_lost_lease_is_given_up_before_another_node_may_take_it():
    assert DYNAMIC["loop_wait"] + 2 * DYNAMIC["retry_timeout"] <= DYNAMIC["ttl"]


def test_a_commit_is_never_acknowledged_by_one_node_alone():
    assert DYNAMIC["synchronous_mode"] is True, "quorum would need a watchdog"
    assert DYNAMIC["synchronous_mode_strict"] is True
    assert DYNAMIC["postgresql"]["parameters"]["synchronous_commit"] == "on"


def test_every_node_knows_all_of_etcd_and_listens_on_ports_of_its_own(tmp_path: Path):
    state = state_in(tmp_path)
    settings = [patroni_settings(node, state.nodes, Path("/bin"), ClusterFiles.of(state)) for node in state.nodes]
    etcd = [f"127.0.0.1:{node.etcd_client_port}" for node in state.nodes]
    assert all(one["etcd3"]["hosts"] == etcd for one in settings)
    listening = {one[part]["listen"] for one in settings for part in ("restapi", "postgresql")}
    assert len(listening) == 6
    assert len({one["postgresql"]["data_dir"] for one in settings}) == 3


def test_nobody_gets_in_without_a_password_and_every_role_has_its_own(tmp_path: Path):
    state = state_in(tmp_path)
    settings = patroni_settings(state.nodes[0], state.nodes, Path("/bin"), ClusterFiles.of(state))
    assert all(line.endswith(" 127.0.0.1/32 scram-sha-256") for line in settings["postgresql"]["pg_hba"])
    roles = settings["postgresql"]["authentication"].values()
    passwords = {role["password"] for role in roles} | {settings["restapi"]["authentication"]["password"]}
    assert len(passwords) == 4
    assert all(len(password) >= 32 for password in passwords)
