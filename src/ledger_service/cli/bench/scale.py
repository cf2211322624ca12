"""Scale: the same service with more and more entries in its books, which another program writes there, and in turns
with it one whose books stay small."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from ledger_service.cli.bench.children import run
from ledger_service.cli.bench.clients import Client
from ledger_service.cli.bench.contenders import Contender, ask
from ledger_service.cli.bench.everything import in_turns
from ledger_service.cli.bench.field import POSTGRES_SETTINGS, Field, the_field
from ledger_service.cli.bench.measuring import Say, describe_machine
from ledger_service.cli.bench.rounds import Measured, Plan
from ledger_service.cli.bench.rows import BULKS_AT_A_TIME, MOST, SERVICE, SMALLEST, Row
from ledger_service.cli.loop import run_to_end
from ledger_service.embedded import EmbeddedPostgres

ROWS = (
    Row("earn", SERVICE, 1),
    Row("earn", SERVICE, MOST),
    Row("hot", SERVICE, MOST),
    Row("balance", SERVICE, 64),
    Row("shop", SERVICE, MOST),
    Row("bulk", SERVICE, BULKS_AT_A_TIME),
)
SLUG = "bench"
SAMPLE = 100
"""Accounts that are verified at each size; all of them would take longer than the measuring."""

# Where each account's next entry goes: in a ledger that is in use these pages are in memory, since every account of the
# measuring is posted to once a minute. Written by a growth, they may be anywhere.
LAST_ENTRIES = """
SELECT count(e.hash) FROM ledger.account AS a
CROSS JOIN LATERAL (
    SELECT one.hash FROM ledger.entry AS one
    WHERE one.program_id = a.program_id AND one.account_id = a.account_id AND one.seq = a.seq
    OFFSET 0
) AS e
"""
SHARED_BUFFERS_MB_MAX = 8192

# Accounts with an entry whose key is not known to have posted it: looked up one by one, as a replay would be.
WITHOUT_KEY = """
SELECT coalesce(array_agg(DISTINCT e.account_id), '{}')
FROM unnest($1::text[]) AS sample (account_id)
JOIN ledger.program AS p ON p.slug = $2
CROSS JOIN LATERAL (
    SELECT * FROM ledger.entry AS one
    WHERE one.program_id = p.program_id AND one.account_id = sample.account_id AND one.idempotency_key IS NOT NULL
    OFFSET 0
) AS e
LEFT JOIN LATERAL (
    SELECT * FROM ledger.outcome AS one
    WHERE one.program_id = e.program_id AND one.idempotency_key = e.idempotency_key
    OFFSET 0
) AS o ON true
WHERE (o.form, o.account_id, o.seq) IS DISTINCT FROM ('posted', e.account_id, e.seq)
"""

GROW_SECONDS_MAX = 4 * 3600.0

# Every table and index of the books, in bytes.
SIZES = """
SELECT json_object_agg(c.relname, pg_relation_size(c.oid)) FROM pg_class AS c
WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'i')
"""


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """What is measured, and how long."""

    sizes: tuple[int, ...]
    """Entries in the books, ascending."""
    seconds: int
    warm_up: int
    rounds: int
    accounts: int
    keys: str
    rows: tuple[Row, ...] = ROWS


@dataclass(frozen=True, slots=True)
class Size:
    """The service with so many entries."""

    entries: int
    """Before the first round."""
    grown_seconds: float
    """How long it took to write what was missing."""
    bytes_of: dict[str, int]
    """On disk, by table and index."""
    verified: int
    """Accounts of the sample whose books are right."""
    measured: tuple[Measured, ...]
    """Of these books and of the smallest, in turns."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A whole run."""

    plan: ScalePlan
    client: str
    measured_at: str
    machine: dict[str, str | int]
    sizes: tuple[Size, ...]
    faults: tuple[str, ...]


def measure_scale(plan: ScalePlan, folder: Path, client: Client, say: Say, keep: Callable[[Scale], None]) -> Scale:
    """Start the service, fill its books, measure, fill them more. Hands out what there is after each size, since the
    next may take an hour. Raises EmbeddedFailure, ChildFailed."""
    machine = describe_machine()
    course = Plan(
        rows=plan.rows,
        shares=(),
        seconds=plan.seconds,
        warm_up=plan.warm_up,
        rounds=plan.rounds,
        accounts=plan.accounts,
        keys=plan.keys,
    )
    # The machine's speed moves by a third within minutes, and a growth takes ten: who stays small tells which it was.
    in_turn = replace(course, rows=tuple(one for row in plan.rows for one in (row, replace(row, entrant=SMALLEST))))
    with ExitStack() as opened:
        postgres, there = opened.enter_context(books(course, folder, client, say))
        _, smallest = opened.enter_context(books(course, folder, client, say))
        machine["postgres"] = str(postgres.version)
        machine["shared_buffers"] = asyncio.run(ask(postgres.url(), "SHOW shared_buffers"))
        measured_at = asyncio.run(ask(postgres.url(), "SELECT date_trunc('second', now())")).isoformat()
        service, small = there.contenders[SERVICE], smallest.contenders[SERVICE]
        entrants = {SERVICE: there.entrants[SERVICE], SMALLEST: smallest.entrants[SERVICE]}
        say(f"{plan.sizes[0]:,} entries for the smallest, which stay beside the others.")
        fill(small, folder, plan.sizes[0])
        scale = Scale(plan, client.name, measured_at, machine, (), ())
        for entries in plan.sizes:
            began_at = perf_counter()
            say(f"{entries:,} entries for the other.")
            fill(service, folder, entries)
            took = perf_counter() - began_at
            for one in (service, small):
                asyncio.run(ask(one.database_url, LAST_ENTRIES))
            bytes_of = json.loads(asyncio.run(ask(service.database_url, SIZES)))
            sample = sample_of(plan.accounts)
            wrong = run_to_end(wrong_accounts(service, sample))
            faults = [f"{entries:,} entries: {account_id} does not verify" for account_id in wrong]
            before = {SERVICE: service.entries(), SMALLEST: small.entries()}
            measured = in_turns(in_turn, entrants, say)
            for name, contender in ((SERVICE, service), (SMALLEST, small)):
                own = [one for one in measured if one.row.entrant == name]
                found = faults_of_rounds(contender, before[name], own)
                faults += [f"{entries:,} entries: {name}: {fault}" for fault in found]
            size = Size(before[SERVICE], took, bytes_of, len(sample) - len(wrong), tuple(measured))
            wrong = run_to_end(wrong_accounts(service, sample))
            faults += [f"{entries:,} entries, after the rounds: {one} does not verify" for one in wrong]
            scale = replace(scale, sizes=(*scale.sizes, size), faults=(*scale.faults, *faults))
            keep(scale)
    return scale


@contextmanager
def books(course: Plan, folder: Path, client: Client, say: Say) -> Iterator[tuple[EmbeddedPostgres, Field]]:
    """A Postgres of its own, and the service on it with all accounts open."""
    with (
        tempfile.TemporaryDirectory(prefix="ledger-bench-") as made,
        EmbeddedPostgres.start(Path(made) / "data", settings=settings_of_large_books(), say=say) as postgres,
        the_field(course, postgres, Path(made), folder, client, say) as there,
    ):
        yield postgres, there


def fill(service: Contender, folder: Path, entries: int) -> None:
    """Make its books as large as that. Raises ChildFailed."""
    missing = entries - service.entries()
    if missing > 0:
        grow(service, folder, missing)
    # As autovacuum would have done in the time that so many entries take to come.
    asyncio.run(ask(service.database_url, "VACUUM ANALYZE"))


def settings_of_large_books() -> dict[str, str]:
    """What whoever has so many entries gives Postgres: a quarter of the memory, and checkpoints by the clock. With the
    128 MB of the default most of what is measured is how quickly pages come from the system's cache."""
    quarter_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20
    return POSTGRES_SETTINGS | {"shared_buffers": f"{min(quarter_mb, SHARED_BUFFERS_MB_MAX)}MB", "max_wal_size": "8GB"}


def grow(service: Contender, folder: Path, entries: int) -> None:
    """Let `loadtests/grow.py` write so many more, a process for each core. Raises ChildFailed."""
    parts = min(os.cpu_count() or 1, 8)
    environment = {"GROW_DATABASE_URL": service.database_url}

    def write(part: int) -> None:
        share = entries // parts + (part < entries % parts)
        arguments = [sys.executable, str(folder / "grow.py"), SLUG, str(share), str(part), str(parts)]
        run(arguments, environment, GROW_SECONDS_MAX)

    with ThreadPoolExecutor(parts) as together:
        list(together.map(write, range(parts)))


def sample_of(accounts: int) -> list[str]:
    """Accounts at equal distances, the first and the hot one among them."""
    step = max(1, accounts // SAMPLE)
    return [f"m-{number}" for number in range(1, accounts + 1, step)][:SAMPLE]


async def wrong_accounts(service: Contender, sample: Sequence[str]) -> list[str]:
    """Those whose books do not verify: chains, numbers, lots, and the keys of their entries. Raises
    DatabaseUnavailable."""
    from ledger_service.storage.audit import Audit, Scope
    from ledger_service.upkeep.verification import verify

    wrong: list[str] = await ask(service.database_url, WITHOUT_KEY, list(sample), SLUG)
    async with Audit.open(service.database_url) as audit:
        program_id = next(one for one, slug in (await audit.programs()).items() if slug == SLUG)
        for account_id in sample:
            scope = Scope(program_id, account_id)
            report = await verify(audit, scope, lambda finding: None, lambda entries: None, with_mismatches=False)
            if (report.findings_total or not report.entries_total) and account_id not in wrong:
                wrong.append(account_id)
    return wrong


def faults_of_rounds(service: Contender, before: int, measured: Sequence[Measured]) -> list[str]:
    """Refusals, lost answers, and entries that are not what was acknowledged; a sample of the books is verified."""
    faults = [fault for one in measured for fault in one.faults()]
    posted, entries = sum(load.posted for one in measured for load in one.loads), service.entries() - before
    if posted != entries:
        faults.append(f"{entries:,} entries came, but {posted:,} were acknowledged.")
    return faults
