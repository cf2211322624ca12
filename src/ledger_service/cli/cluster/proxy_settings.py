"""The settings of HAProxy, in front of Postgres and in front of the service."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.api.problems import body_of
from ledger_service.cli.cluster.state import HOST, ClusterState
from ledger_service.posting.poster import PostingLimits

REQUEST_ID = "%[var(txn.request_id)]"


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
        unasked=PostingLimits().batch_size_max // 2,
        unanswered=f"  http-error status 504 {problem('outcome_unknown')}",
        turned_away=f"  http-request return status 503 {problem('overloaded')} if turned_away",
    )


def problem(code: str) -> str:
    """What a caller is told by us in the service's own words. It has to be on one line."""
    body = body_of(code, "REQUEST-ID").decode().replace("REQUEST-ID", REQUEST_ID)
    return (
        'content-type application/problem+json hdr Retry-After "%[rand(3),add(1)]" hdr Cache-Control no-store'
        f""" hdr X-Request-Id "{REQUEST_ID}" lf-string '{body}'"""
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
  http-request deny deny_status 429 if {{ sc0_http_req_rate gt 300000 }}

  acl has_id req.hdr(x-request-id) -m reg ^[A-Za-z0-9._-]{{1,128}}$
  http-request set-var(txn.request_id) uuid()
  http-request set-var(txn.request_id) req.hdr(x-request-id) if has_id

  # Whoever posts to an account goes where the others do who post to it.
  http-request set-var(txn.account) path,field(4,/) if {{ path_beg /v1/accounts/ }}
  http-request set-var(txn.account) uuid() if !{{ path_beg /v1/accounts/ }}

  # What posts points. While more of it comes than is carried, an instance says with its answers how many requests it
  # wants on their way (Ledger-Room), and we turn the others away here, where it costs a tenth and delays nobody. It
  # judges by itself whom we let through: this only spares it the flood.
  http-request set-var(txn.posts) bool(true) if METH_POST {{ path_end /earn /redeem /holds }}
  acl posts var(txn.posts) -m bool
  http-request track-sc1 req.fhdr(authorization),sha1 table callers if posts
  http-request track-sc2 int(1) table posting if posts
  http-request set-var(txn.now) date(0,ms) if posts
  http-request set-var(txn.servers) nbsrv(service) if posts
  acl is_asked var(proc.asked_until),sub(txn.now) gt 0
  # Unasked half of a full batch for each: a burst of so many is gone before anybody minds.
  http-request set-var(txn.room) int({unasked}),mul(txn.servers) if posts
  http-request set-var(txn.room) var(proc.room),mul(txn.servers) if posts is_asked
  # A member waits for a redemption, and what is bought depends on it: there is half as much room again.
  http-request set-var(txn.room) var(txn.room),mul(3),div(2) if posts !{{ path_end /earn }}
  acl is_full sc_conn_cur(2),sub(txn.room) gt 0
  # One flood may not starve the others: a key with few requests on their way is judged by the instances.
  acl has_many sc_conn_cur(1) gt 8
  # Only while requests are answered: through a failover everybody is carried, and nobody is for a while.
  acl are_answered var(proc.answered_until),sub(txn.now) gt 0
  http-request set-var(txn.turned_away) bool(true) if posts is_full has_many are_answered
  acl turned_away var(txn.turned_away) -m bool
  # Instances that are spared do not ask any more. It goes on while more than a fifth of what comes is turned away.
  http-request sc-inc-gpc0(2) if turned_away
  http-request set-var(txn.lately) sc_gpc0_rate(2) if turned_away
  acl are_many sc_http_req_rate(2),div(5),sub(txn.lately) lt 0
  http-request set-var(proc.asked_until) date(100,ms) if turned_away is_asked are_many
  # In the words of the service.
{turned_away}
  http-response set-var(proc.room) res.hdr(ledger-room),add(0) if {{ res.hdr(ledger-room) -m found }}
  http-response set-var(proc.asked_until) date(100,ms) if {{ status 503 }} {{ res.hdr(ledger-room) -m found }}
  http-response set-var(proc.answered_until) date(250,ms) if posts {{ status 201 }}
  http-response del-header ledger-room
  default_backend service

# Requests that post, of all callers and of each, while they are on their way.
backend posting from web
  stick-table type integer size 10 expire 1h store conn_cur,gpc0_rate(100ms),http_req_rate(100ms)
backend callers from web
  stick-table type binary len 20 size 100k expire 1m store conn_cur

backend service from web
  # An account is written by one instance, which carries what comes for it together: where two meet, the second has to
  # decide anew. An instance that has half as much again on its way as the others passes on what is above.
  balance hash var(txn.account)
  hash-type consistent djb2 avalanche
  hash-balance-factor 150
  option httpchk GET /readyz
  http-check expect status 200
  # Connections to the service are shared by all callers: else each new caller opens one more, and a flood of callers
  # who come and go would be a flood of connections, too. The service closes idle ones later than we do.
  http-reuse always
  option redispatch 1
  retries 2
  # A read of an account may be asked again. Of a POST only the caller knows whether its key makes that safe; one that
  # was never sent goes to the other instance all the same.
  retry-on conn-failure empty-response response-timeout
  http-request disable-l7-retry unless METH_GET {{ path_beg /v1/accounts/ }}
  # The service answers at a caller's deadline (4.5 s if none is named). An instance that stands still does not: then we
  # do, in its words.
  acl has_deadline req.hdr(x-request-timeout-ms) -m int 1:10000
  http-request set-timeout server int(4600)
  http-request set-timeout server req.hdr(x-request-timeout-ms),add(100) if has_deadline
  acl has_little_time req.hdr(x-request-timeout-ms) -m int 1:1500
  http-request set-timeout server int(1500) if !has_little_time METH_GET {{ path_beg /v1/accounts/ }}
{unanswered}
  http-after-response set-status 503 reason "Service Unavailable" if {{ status 504 }}
  default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 weight 100
{services}
"""
