"""Faults that take something away from the database without ending it: connections, locks, room on the disk."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns

from ledger_service.cli.drill.faults.fault import Fault, Targets
from ledger_service.cli.drill.own_instance import pinned
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.schedule import READS, Kind

STORM_TIMES = 5
"""Connections asked for, in multiples of what Postgres takes."""

LOCK_TABLE = "BEGIN;\nLOCK TABLE ledger.account IN ACCESS EXCLUSIVE MODE;\nSELECT pg_sleep({seconds});\nCOMMIT;\n"
LOCK_ACCOUNT = (
    "BEGIN;\nSELECT 1 FROM ledger.account WHERE account_id = '{account_id}' FOR UPDATE;\n"
    "SELECT pg_sleep({seconds});\nCOMMIT;\n"
)


async def storm(scene: Scene) -> None:
    """Somebody opens five times as many sessions as Postgres takes, and keeps those he gets."""
    psql = await blocking(scene.rig.psql)
    most = int(await blocking(psql.run, "SHOW max_connections;\n"))
    port = (await blocking(scene.rig.cluster.primary)).postgres_port
    url = pinned(scene.rig.environment, port)["LEDGER_DATABASE_URL"]
    closings, refused = await blocking(take_sessions, url, STORM_TIMES * most)
    try:
        scene.claim("Postgres refused sessions, so the storm was one", refused > 0)
        await scene.wait(scene.seconds)
    finally:
        await blocking(lambda: [close() for close in closings])


def take_sessions(url: str, wanted: int) -> tuple[list[Callable[[], None]], int]:
    """Open sessions; how to close each, and how many were refused. Blocks."""
    import psycopg

    closings: list[Callable[[], None]] = []
    refused = 0
    for _ in range(wanted):
        try:
            closings.append(psycopg.connect(url, connect_timeout=5).close)
        except psycopg.OperationalError:
            refused += 1
    return closings, refused


async def lock_accounts(scene: Scene) -> None:
    """A migration gone wrong holds the table of accounts: nobody reads, nobody writes."""
    since_ns = await held_lock(scene, LOCK_TABLE.format(seconds=scene.seconds))
    scene.claim("writes came back within 5 s after the lock was gone", await scene.writing_again(since_ns, 5.0))


async def lock_hot_account(scene: Scene) -> None:
    """A long transaction holds the row of a hot account."""
    hot = scene.load.crowd.account_ids()[0]
    from_ns = monotonic_ns()
    to_ns = await held_lock(scene, LOCK_ACCOUNT.format(account_id=hot, seconds=scene.seconds))
    scene.claim("writes came back within 5 s after the lock was gone", await scene.writing_again(to_ns, 5.0))
    await scene.wait(scene.load.patience.deadline_ms / 1000)
    told = [one for one in scene.told_between(from_ns, to_ns) if one.kind not in READS]
    # Whoever exchanges points with the hot account waits for it, too, and does so again when the transfer comes again.
    came = told + scene.told_again_between(from_ns, to_ns)
    tied = {hot} | {name for one in came if hot in (both := (one.account_id, one.to_account)) for name in both}
    others = [one for one in told if one.kind is not Kind.TRANSFER and one.account_id not in tied]
    served = sum(one.is_settled and one.is_in_time for one in others)
    scene.claim(f"other accounts were served: {served} of {len(others)} writes", served == len(others))


async def held_lock(scene: Scene, script: str) -> int:
    """Run a script that holds a lock, to its end; when that was, in monotonic nanoseconds."""
    psql = await blocking(scene.rig.psql)
    holding = psql.begin(script)
    try:
        await blocking(holding.wait, scene.seconds + 30)
    except subprocess.TimeoutExpired:
        scene.claim("the lock was taken", holds=False)
    finally:
        with suppress(ProcessLookupError):
            holding.kill()
        await blocking(holding.wait)
    return monotonic_ns()


def a_way_in(rig: Rig) -> str | None:
    """Where somebody told how to reach the database as the superuser."""
    return None if rig.psql_at is not None else "needs a superuser of the database"


PRESSURE = (
    Fault(
        "F22",
        "a storm of five times as many sessions as Postgres takes",
        storm,
        lasts_seconds=10.0,
        targets=Targets(unsettled_max=0),
    ),
    Fault(
        "F23",
        "somebody locks the table of accounts, so that every connection waits",
        lock_accounts,
        need=a_way_in,
        lasts_seconds=8.0,
    ),
    Fault(
        "F24",
        "somebody holds the row of a hot account for long",
        lock_hot_account,
        need=a_way_in,
        lasts_seconds=8.0,
    ),
)
