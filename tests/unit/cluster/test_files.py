from pathlib import Path
from urllib.parse import urlsplit

from ledger_service.cli.cluster.files import ClusterFiles
from tests.unit.cluster.states import state_in


def test_the_service_is_told_all_three_hosts_and_no_proxy(tmp_path: Path):
    url = ClusterFiles.of(state_in(tmp_path)).service_url()
    assert urlsplit(url).netloc.rpartition("@")[2] == "127.0.0.1:5431,127.0.0.1:5432,127.0.0.1:5433"
    assert urlsplit(url).username == "ledger_service"
    assert urlsplit(url).path == "/ledger"


def test_a_password_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    state = state_in(tmp_path)
    password = ClusterFiles.of(state).superuser_password()
    assert ClusterFiles.of(state).superuser_password() == password
    assert (tmp_path / "superuser-password").stat().st_mode & 0o777 == 0o600
