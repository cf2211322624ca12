"""`ledger-service verify`: recompute all books and say exactly what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from ledger_service.cli.console import Misused, people, say_line
from ledger_service.cli.tables import show
from ledger_service.upkeep.findings import CHECKS

if TYPE_CHECKING:
    from ledger_service.upkeep.findings import Finding
    from ledger_service.upkeep.verification import Report

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

FINDINGS_PRINTED_MAX = 100
ENTRIES_BETWEEN_LINES = 250_000
"""How often progress is told when nobody looks at a terminal."""


@app.command(epilog="\n\n".join(f"[bold]{name}[/bold]  {meaning}" for name, meaning in CHECKS.items()))
def verify(
    program: str | None = typer.Option(None, help="Only this program's books, by its slug."),
    account: str | None = typer.Option(None, help="Only this account's books."),
    data_dir: Path | None = typer.Option(
        None, help="The books of the running `ledger-service dev` that keeps its data here, instead of --url."
    ),
    url: str = typer.Option(
        "",
        envvar=["LEDGER_READ_URL", "LEDGER_DATABASE_URL"],
        show_envvar=True,
        help="The database, as the role ledger_read or ledger_service: SELECT is enough. A standby will do.",
    ),
) -> None:
    """Recompute all books from their entries and hold them against everything stored: numbers, hashes, lots, holds,
    tiers, transfers, keys.

    It reads one snapshot while traffic goes on, and changes nothing. Each finding is a line on standard output: where
    (program, account, seq), which check, what was expected and what was found. The trial balance ends the report: what
    members have and what the program issued, redeemed and expired must come to nothing together; so must what moved
    between members.

    Ends with 0: nothing is wrong. 1: something is. 2: the books could not be read."""
    from ledger_service.cli.commands import escaped
    from ledger_service.cli.loop import run_to_end
    from ledger_service.errors import Failure

    try:
        findings_total = run_to_end(_verify(_database_url(url, data_dir), program, account))
    except Failure as failure:
        people().print(f"[bold red]error:[/bold red] {escaped(failure)}")
        raise typer.Exit(2) from None
    raise typer.Exit(1 if findings_total else 0)


def _database_url(url: str, data_dir: Path | None) -> str:
    from ledger_service.cli.dev.files import Files

    if data_dir is not None:
        return Files(data_dir).service_url()
    if not url:
        raise Misused("Say which books: --url postgresql://…, LEDGER_READ_URL, or --data-dir of a running `dev`.")
    return url


async def _verify(url: str, slug: str | None, account_id: str | None) -> int:
    from ledger_service.storage.audit import Audit, Scope
    from ledger_service.upkeep.verification import verify as recompute

    if not url.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
        raise Misused("The database URL must begin with postgresql://.")
    printed = 0

    def print_finding(finding: Finding) -> None:
        nonlocal printed
        printed += 1
        if printed <= FINDINGS_PRINTED_MAX:
            say_line(finding_line(finding, slugs))

    async with Audit.open(url) as audit:
        slugs = await audit.programs()
        scope = Scope(None if slug is None else _program_id(slugs, slug), account_id)
        with _showing(await audit.entries_total(scope)) as advance:
            report = await recompute(audit, scope, print_finding, advance)
    if printed > FINDINGS_PRINTED_MAX:
        say_line(f"… and {printed - FINDINGS_PRINTED_MAX:,} more")
    show_trial_balances(report, slugs)
    say_line(summary_line(report))
    return report.findings_total


def _program_id(slugs: Mapping[int, str], slug: str) -> int:
    for program_id, known in slugs.items():
        if known == slug:
            return program_id
    raise Misused(f"There is no program {slug}. There are: {', '.join(sorted(slugs.values())) or 'none'}.")


def finding_line(finding: Finding, slugs: Mapping[int, str]) -> str:
    """One finding, for people and for `grep`."""
    place = [f"program={slugs.get(finding.program_id, finding.program_id)}"]
    if finding.account_id is not None:
        place.append(f"account={finding.account_id}")
    if finding.seq is not None:
        place.append(f"seq={finding.seq}")
    return f"wrong {' '.join(place)} check={finding.check}: expected {finding.expected}, found {finding.found}"


def summary_line(report: Report) -> str:
    """What was verified, and what came of it."""
    verified = f"{report.entries_total:,} entries of {report.accounts_total:,} accounts"
    if report.accounts_total == 0:
        return "verified: there are no accounts in these books"
    if report.findings_total == 0:
        return f"verified: {verified}, nothing is wrong"
    return f"WRONG: {report.findings_total:,} findings in {verified}"


def show_trial_balances(report: Report, slugs: Mapping[int, str]) -> None:
    """What members have, what the program's counter accounts have, and the sum of both: a line for each program."""
    counters = list(dict.fromkeys(name for balance in report.trial_balances for name in balance.counters))
    show(
        ("program", "members", *counters, "total"),
        (
            (
                str(slugs.get(balance.program_id, balance.program_id)),
                str(balance.members),
                *(str(balance.counters.get(name, 0)) for name in counters),
                str(balance.total),
            )
            for balance in report.trial_balances
        ),
    )


@contextmanager
def _showing(entries_total: int) -> Iterator[Callable[[int], None]]:
    """A function to be told of every so many entries: a bar in a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        with _bar(entries_total) as advance:
            yield advance
    else:
        yield _lines(entries_total)


@contextmanager
def _bar(entries_total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("entries"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=people()) as progress:
        task = progress.add_task("entries", total=entries_total, rate="–")
        started_at = perf_counter()
        done = 0

        def advance(entries: int) -> None:
            nonlocal done
            done += entries
            progress.update(task, completed=done, rate=_rate(done, started_at))

        yield advance


def _lines(entries_total: int) -> Callable[[int], None]:
    started_at = perf_counter()
    console = people()
    done = told = 0

    def advance(entries: int) -> None:
        nonlocal done, told
        done += entries
        if done - told >= ENTRIES_BETWEEN_LINES or (done >= entries_total and done > told):
            told = done
            console.print(f"{done:,} of {entries_total:,} entries, {_rate(done, started_at)} per second")

    return advance


def _rate(done: int, started_at: float) -> str:
    return f"{done / max(perf_counter() - started_at, 0.001):,.0f}"
