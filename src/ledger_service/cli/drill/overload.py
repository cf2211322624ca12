"""Overload: the most the rig gives is measured first; then comes 70 % of it, twice, and five times as much."""

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import httpx2
from rich.console import Console
from rich.table import Table

from ledger_service.cli.bench.children import resident_bytes
from ledger_service.cli.drill.cores import apart
from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.figures import Distribution
from ledger_service.cli.drill.flood import PATIENCE_SECONDS, Flood
from ledger_service.cli.drill.report import FIGURES, spread
from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.rounds import Plan
from ledger_service.cli.drill.surge import Surge, surge_of, targets_met

SECONDS = 20.0
CONNECTIONS = 64
"""Callers in turns while the most is measured."""

CONNECTIONS_MAX = 2000
"""Open at once when callers come as they come. One that finds none free is not begun, and reported."""

ACCOUNTS = 200
USUAL = "70 %"
MEMORY_SECONDS = 0.25


def overload(rig: Rig, plan: Plan, console: Console) -> bool:
    """Do it, print the report, write the figures; whether all that was acknowledged is in the books."""
    shared = nullcontext("callers share the cores with everything else")
    with shared if plan.shares_cores or rig.held_cluster is None else apart(rig.held_cluster.state) as how:
        console.print(f"{how[0].upper()}{how[1:]}.")
        return flood_in_steps(rig, plan, console, how)


def flood_in_steps(rig: Rig, plan: Plan, console: Console, how: str) -> bool:
    """The same, wherever the callers run; `how` goes into the figures."""
    run = f"f{plan.seed}-{secrets.token_hex(4)}"
    seconds = plan.seconds or SECONDS
    plan.folder.mkdir(parents=True, exist_ok=True)
    open_accounts(rig, run)
    surges: list[Surge] = []

    def surge(name: str, rate: float, connections: int) -> Surge:
        console.print(f"{name}: {f'{rate:.0f}/s' if rate else f'{connections} callers in turns'}")
        parts = urlsplit(rig.url)
        flood = Flood(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 80,
            token=rig.token,
            run=run,
            phase=str(len(surges)),
            accounts=ACCOUNTS,
            rate=rate,
            connections=connections,
            seconds=seconds,
            seed=plan.seed + len(surges),
        )
        with watched_memory(rig) as memory:
            flooded = send(flood)
        usual_p99 = next(
            (one.accepted_seconds.p99 for one in surges if one.name == USUAL and one.accepted_seconds), None
        )
        surges.append(surge_of(name, rate, seconds, flooded, memory, usual_p99))
        return surges[-1]

    surge("warm-up", 0, CONNECTIONS)
    most = surge("the most", 0, CONNECTIONS)
    peak = most.goodput
    usual = surge(USUAL, 0.7 * peak, CONNECTIONS_MAX)
    double = surge("2x", 2 * peak, CONNECTIONS_MAX)
    fivefold = surge("5x", 5 * peak, CONNECTIONS_MAX)
    after = surge("70 % after", 0.7 * peak, CONNECTIONS_MAX)
    written, acknowledged = balances(rig, run) - ACCOUNTS, sum(one.accepted for one in surges)
    unanswered = sum(one.unanswered for one in surges)
    is_whole = acknowledged <= written <= acknowledged + unanswered + sum(one.refused + one.other for one in surges)
    met = targets_met(peak, usual, (double, fivefold), after)
    print_surges(surges, console)
    for claim in met:
        console.print(f"{'holds ' if claim.holds else 'missed'} {claim.text}", highlight=False)
    console.print(f"{'holds ' if is_whole else 'BROKEN'} {acknowledged:,} acknowledged, {written:,} in the books")
    figures = {
        "cores": how,
        "peak": peak,
        "surges": [asdict(one) for one in surges],
        "targets": [asdict(claim) for claim in met],
        "acknowledged": acknowledged,
        "written": written,
    }
    (plan.folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return is_whole


def send(flood: Flood) -> dict[str, Any]:
    """Let a process of its own send it. Raises DrillFailure."""
    ended = subprocess.run(
        [sys.executable, "-m", "ledger_service.cli.drill.flood"],
        input=json.dumps(asdict(flood)),
        capture_output=True,
        text=True,
        timeout=flood.seconds + PATIENCE_SECONDS + 60,
        check=False,
    )
    if ended.returncode != 0:
        raise DrillFailure(f"The flood ended with {ended.returncode}: {ended.stderr[-1000:]}")
    flooded: dict[str, Any] = json.loads(ended.stdout)
    return flooded


def open_accounts(rig: Rig, run: str) -> None:
    """Open all accounts with one point each, so that no request of the flood has to. Raises DrillFailure."""
    headers = {"Authorization": f"Bearer {rig.token}"}
    with httpx2.Client(base_url=rig.url, headers=headers, timeout=30.0, trust_env=False) as client:
        for number in range(1, ACCOUNTS + 1):
            account_id = f"{run}-m{number}"
            for path, body in (("/v1/accounts", {"account_id": account_id}), (f"/v1/accounts/{account_id}/earn", {})):
                key = {"Idempotency-Key": f"{account_id}-{'earn' if path.endswith('earn') else 'open'}"}
                answer = client.post(path, json=body or {"points": 1}, headers=key)
                if answer.status_code != 201:
                    raise DrillFailure(f"The accounts cannot be opened: {answer.text[:300]}")


def balances(rig: Rig, run: str) -> int:
    """The points of all accounts together. Raises DrillFailure."""
    headers = {"Authorization": f"Bearer {rig.token}"}
    total = 0
    with httpx2.Client(base_url=rig.url, headers=headers, timeout=30.0, trust_env=False) as client:
        for number in range(1, ACCOUNTS + 1):
            answer = client.get(f"/v1/accounts/{run}-m{number}/balance")
            if answer.status_code != 200:
                raise DrillFailure(f"The balances cannot be read: {answer.text[:300]}")
            total += answer.json()["balance"]
    return total


@contextmanager
def watched_memory(rig: Rig) -> Iterator[list[int]]:
    """The memory of all instances together, again and again, in bytes; nothing where their pids are not known."""
    pids = [] if rig.held_cluster is None else [one.pid for one in rig.held_cluster.state.services]
    seen: list[int] = []
    ended = threading.Event()

    def watch(wait: Callable[[float], bool]) -> None:
        while not wait(MEMORY_SECONDS):
            seen.append(sum(resident_bytes(pid) or 0 for pid in pids if pid is not None))

    watching = threading.Thread(target=watch, args=(ended.wait,))
    if pids:
        watching.start()
    try:
        yield seen
    finally:
        ended.set()
        if pids:
            watching.join()


def print_surges(surges: list[Surge], console: Console) -> None:
    """A line for each stretch."""
    labels = ("", "meant/s", "goodput/s", "refused", "other", "unanswered", "accepted", "refusals", "memory", "client")
    table = Table(*labels, box=None)
    for one in surges:
        table.add_row(
            one.name,
            f"{one.rate:.0f}" if one.rate else "–",
            f"{one.goodput:.0f}",
            f"{one.refused:,}",
            f"{one.other:,}",
            f"{one.unanswered:,}",
            p99(one.accepted_seconds),
            p99(one.refusal_seconds),
            f"{one.memory_bytes_max / 1e6:.0f} MB",
            f"lag p99 {one.client_lag_p99 * 1000:.0f} ms, CPU {one.client_cpu_share:.0%}, {one.not_begun} not begun",
        )
    console.print(table)
    for one in surges:
        took = None if one.accepted_seconds is None else asdict(one.accepted_seconds)
        console.print(f"{one.name}: accepted {spread(took, 'ms', 1000)}", highlight=False)


def p99(found: Distribution | None) -> str:
    """The 99th percentile in milliseconds."""
    return "–" if found is None else f"p99 {found.p99 * 1000:.0f} ms"
