"""The settings of HAProxy, in front of Postgres and in front of the service."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.cli.cluster.state import HOST, ClusterState


@dataclass(frozen=True, slots=True)
class Backend:
    """One server behind the proxy, and the port that tells how it is."""

    name: str
    address: str
    check_port: int


@dataclass(frozen=True, slots=True)
class Proxied:
    """Where the proxy listens, and what is behind it."""

    rw: str
    ro: str
    api: str
    databases: Sequence[Backend]
    services: Sequence[Backend]


def proxied(state: ClusterState) -> Proxied:
    """The proxy of a cluster on this machine."""
    return Proxied(
        rw=f"{HOST}:{state.rw_port}",
        ro=f"{HOST}:{state.ro_port}",
        api=f"{HOST}:{state.api_port}",
        databases=[Backend(one.name, f"{HOST}:{one.postgres_port}", one.patroni_port) for one in state.nodes],
        services=[Backend(one.name, f"{HOST}:{one.port}", one.admin_port) for one in state.services],
    )


def haproxy_text(proxy: Proxied) -> str:
    """The whole configuration file, ending in a newline."""
    return SETTINGS.format(
        rw=proxy.rw,
        ro=proxy.ro,
        api=proxy.api,
        databases=servers(proxy.databases),
        services=servers(proxy.services),
    )


def servers(backends: Sequence[Backend]) -> str:
    return "\n".join(f"  server {one.name} {one.address} check port {one.check_port}" for one in backends)


SETTINGS = """\
global
  log stderr format raw local0 notice
  maxconn 4000
  # A request has no business with more headers.
  tune.http.maxhdr 64

defaults database
  mode tcp
  log global
  timeout connect 1s
  timeout client 30m
  timeout server 30m
  timeout check 1s
  option clitcpka
  option srvtcpka

# The primary, whichever node has the leader's lock. `shutdown-sessions` ends sessions with an old primary, which would
# otherwise answer 25006 for as long as the pool keeps them.
listen pg_rw from database
  bind {rw}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{databases}

# Standbys that run and are not told to stay out of it: for reports, never for a decision.
listen pg_ro from database
  bind {ro}
  balance roundrobin
  option httpchk OPTIONS /replica
  http-check expect status 200
  default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{databases}

defaults web
  mode http
  log global
  timeout connect 1s
  timeout client 30s
  # Longer than the longest deadline that a caller may set, 10 s: the answer is the service's, not ours.
  timeout server 15s
  timeout http-request 5s
  timeout http-keep-alive 60s
  timeout check 1s

frontend api from web
  bind {api}
  # Slow bodies wait here, where waiting is cheap.
  option http-buffer-request
  # Whether a caller would find anyone: 200 or 503.
  monitor-uri /proxyz
  monitor fail if {{ nbsrv(service) lt 1 }}
  http-request deny deny_status 413 if {{ req.body_size gt 4194304 }}
  # One address may not take what belongs to all. Generous, since a chain's tills may share one.
  stick-table type ipv6 size 100k expire 30s store conn_cur,http_req_rate(10s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc0_conn_cur gt 1000 }}
  http-request deny deny_status 429 if {{ sc0_http_req_rate gt 100000 }}
  default_backend service

backend service from web
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  # Connections to the service are shared by all callers: else each new caller opens one more, and a flood of callers
  # who come and go would be a flood of connections, too. The service closes idle ones later than we do.
  http-reuse always
  option redispatch 1
  retries 2
  # A GET may be asked twice. Of a POST only the caller knows whether its key makes that safe; one that was never sent
  # goes to the other instance all the same.
  retry-on conn-failure empty-response response-timeout
  http-request disable-l7-retry unless METH_GET
  default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1
{services}
"""
