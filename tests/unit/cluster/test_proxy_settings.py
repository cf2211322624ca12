from pathlib import Path

from ledger_service.api.bodies import BULK_SIZE_MAX
from ledger_service.cli.cluster.proxy_settings import Backend, Proxied, haproxy_text, proxied
from tests.unit.cluster.states import state_in

FOR_MACHINES = Path(__file__).parents[3] / "deploy" / "ha" / "haproxy.cfg"

MACHINES = Proxied(
    rw=":5000",
    ro=":5001",
    api=":8080",
    databases=[Backend(f"n{n}", f"192.0.2.1{n}:5432", 8008) for n in (1, 2, 3)],
    services=[Backend(f"service-{n}", f"192.0.2.2{n}:8080", 18080) for n in (1, 2)],
)


def sections(text: str) -> dict[str, list[str]]:
    """The lines of each section, by its first line."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            name = line
            found[name] = []
        elif line.strip() and not line.strip().startswith("#"):
            found[name].append(line.strip())
    return found


def test_machines_of_their_own_get_the_very_file_that_is_tried_on_one_machine():
    assert FOR_MACHINES.read_text() == haproxy_text(MACHINES)


def test_writes_go_to_whom_patroni_calls_primary_and_sessions_with_an_old_one_end(tmp_path: Path):
    primary = sections(haproxy_text(proxied(state_in(tmp_path))))["listen pg_rw from database"]
    assert "option httpchk OPTIONS /primary" in primary
    assert (
        "default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions"
        in primary
    )
    assert [line for line in primary if line.startswith("server ")] == [
        f"server n{n} 127.0.0.1:{5430 + n} check port {8000 + n}" for n in (1, 2, 3)
    ]


def test_an_instance_is_asked_on_its_admin_port_whether_it_is_ready(tmp_path: Path):
    service = sections(haproxy_text(proxied(state_in(tmp_path))))["backend service from web"]
    assert "option httpchk GET /readyz" in service
    assert "server service-2 127.0.0.1:8082 check port 18082" in service


def test_only_a_read_of_an_account_is_asked_again():
    assert (
        "http-request disable-l7-retry unless METH_GET { path_beg /v1/accounts/ }"
        in sections(haproxy_text(MACHINES))["backend service from web"]
    )


def test_the_largest_body_that_the_service_takes_passes():
    assert f"http-request deny deny_status 413 if {{ req.body_size gt {BULK_SIZE_MAX} }}" in haproxy_text(MACHINES)
