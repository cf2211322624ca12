"""The cluster on one machine, whole: etcd, Patroni, Postgres, HAProxy and two instances of the service."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ledger_service.cli.cluster.children import wait_until
from ledger_service.cli.cluster.cluster import Cluster
from ledger_service.cli.cluster.installed import find_daemons, find_installed
from ledger_service.cli.cluster.layout import known_or_new
from ledger_service.cli.cluster.proxy_settings import haproxy_text, proxied
from ledger_service.cli.cluster.state import ClusterState
from ledger_service.errors import Failure
from tests.database.programs import run

FAILOVER_SECONDS_MAX = 60.0


def missing() -> str:
    """What keeps a cluster from running here; empty when nothing does."""
    try:
        with tempfile.TemporaryDirectory(prefix="ledger-check-") as folder:
            Path(folder).chmod(0o755)
            find_installed(Path(folder))
    except Failure as failure:
        return f"NOT PROVEN, no cluster can run here: {failure}"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the account the cluster runs as can enter, which those of pytest it cannot. All that was started
    in it is stopped, whatever the test left behind."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-cluster-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if (folder / "cluster.json").exists():
            Cluster.load(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)


def command(name: str, folder: Path, *options: str, expected: int = 0) -> str:
    """Run `ledger-service cluster`, which has to end as expected; what it printed."""
    return run(["cluster", name, "--folder", str(folder), *options], expected=expected).stdout


def caller(state: ClusterState) -> httpx2.Client:
    return httpx2.Client(
        base_url=f"{state.url}/v1/accounts/demo-1",
        headers={"Authorization": f"Bearer {state.api_key}"},
        timeout=30.0,
        trust_env=False,
    )


def test_the_books_survive_the_crash_of_the_primary_and_nothing_is_left_running(folder: Path) -> None:
    assert "listening on http://127.0.0.1:" in command("up", folder)
    cluster = Cluster.load(folder)
    first_primary = cluster.primary()
    with caller(cluster.state) as client:

        def earn() -> httpx2.Response:
            return client.post("/earn", json={"points": 120, "order_id": "A-1"}, headers={"Idempotency-Key": "earn-1"})

        earned = earn()
        assert earned.status_code == 201, earned.text
        assert client.get("/balance").json()["available"] == 120
        assert "sync_standby\tstreaming" in command("status", folder)

        cluster.kill_postgres(first_primary)
        wait_until(lambda: led_by_another(cluster, first_primary.name), FAILOVER_SECONDS_MAX, "nobody took over")
        wait_until(lambda: earn().status_code == 201, FAILOVER_SECONDS_MAX, "no earn after the failover")
        replayed = earn()
        assert replayed.json() == earned.json()
        assert client.get("/balance").json()["available"] == 120

    assert cluster.pids() != []
    command("down", folder)
    assert cluster.pids() == []
    assert "not answering" in command("status", folder, expected=1)
    command("down", folder, "--wipe")
    assert not folder.exists()


def test_haproxy_accepts_the_settings_without_a_warning(folder: Path) -> None:
    settings = folder / "haproxy.cfg"
    settings.write_text(haproxy_text(proxied(known_or_new(folder))))
    _, haproxy = find_daemons(os.environ.get("PATH", ""))
    checked = subprocess.run(
        [haproxy, "-c", "-dW", "-f", settings], capture_output=True, text=True, check=False, timeout=30
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def led_by_another(cluster: Cluster, name: str) -> bool:
    return any(member.is_leader and member.name != name for member in cluster.members())
