"""Replicas: whether every standby, once it has replayed all, holds the very books of the primary."""

from time import monotonic, sleep

from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.scene import Claim
from ledger_service.cli.psql import Psql, PsqlFailed

REPLAY_SECONDS_MAX = 30.0
POLL_SECONDS = 0.2

WRITTEN_TO = "SELECT pg_current_wal_lsn();\n"
HAS_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= '{lsn}';\n"
DIGEST = """
SELECT count(*) || ' ' || md5(string_agg(account_id || seq || encode(hash, 'hex'), ',' ORDER BY account_id, seq))
FROM ledger.entry WHERE starts_with(account_id, '{run}-');
"""


def replicas_agree(rig: Rig, run: str) -> list[Claim]:
    """One claim for each standby. Blocks. Raises PsqlFailed, ClusterFailure."""
    if rig.held_cluster is None or rig.psql_at is None:
        return []
    primary = rig.cluster.primary()
    ours = rig.psql_at(primary.postgres_port)
    lsn = ours.run(WRITTEN_TO)
    expected = ours.run(DIGEST.format(run=run))
    claims = []
    for node in rig.cluster.state.nodes:
        if node.name == primary.name:
            continue
        theirs = rig.psql_at(node.postgres_port)
        found = theirs.run(DIGEST.format(run=run)) if replayed(theirs, lsn) else "not there yet"
        claims.append(Claim("every standby holds the books of the primary", found == expected))
    return claims


def replayed(psql: Psql, lsn: str) -> bool:
    """Wait until a standby has replayed so far; whether it has. Blocks."""
    end = monotonic() + REPLAY_SECONDS_MAX
    while monotonic() < end:
        try:
            if psql.run(HAS_REPLAYED.format(lsn=lsn)) == "t":
                return True
        except PsqlFailed:
            pass  # it may be starting
        sleep(POLL_SECONDS)
    return False
