"""`ledger-service year`: a file of baskets lived day by day through a program with tiers, vouchers and returns."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ledger_service.cli.purchases.posting import Tally
    from ledger_service.cli.year.report import Findings

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

ACCOUNT_PREFIX = "household-"


@app.command(no_args_is_help=True)
def year(
    file: Path = typer.Option(
        ..., help="Baskets as CSV, packed or not: basket_id, household_id, at, amount; others are ignored."
    ),
    lines: Path | None = typer.Option(
        None, help="Lines of some of the baskets, as JSON lines: basket_id, lines of sku, category, quantity, amount."
    ),
    seed: int = typer.Option(7, min=0, help="Decides who redeems and what comes back; the same seed, the same year."),
    limit: int | None = typer.Option(
        None, min=1, help="Only as many households, with all their baskets, as make up about so many baskets."
    ),
    report: Path | None = typer.Option(None, help="Write the report as markdown here too."),
    program: str | None = typer.Option(None, help="The program's slug. Default: one for this seed and limit."),
    state: Path | None = typer.Option(
        None, help="Where the program's key is kept between runs. Default: a file in the data directory."
    ),
    url: str = typer.Option("http://127.0.0.1:8080", help="Where the service listens."),
    api_key: str | None = typer.Option(
        None, envvar="LEDGER_API_KEY", help="A key with scope operator. Default: that of the local `dev`."
    ),
    data_dir: Path | None = typer.Option(
        None, help="The data directory of the `dev` whose key to use, and whose books to verify."
    ),
    read_url: str | None = typer.Option(
        None, envvar="LEDGER_READ_URL", help="The database to verify at the end, when it is not that of a local `dev`."
    ),
) -> None:
    """Live a year of real purchases: each day the clock of a test program moves on, the day's baskets earn, some
    households pay with vouchers, directly or through a hold, and some of what was bought comes back.

    Everything goes through the public API of a running service. What happens is decided by the seed, the basket and
    earlier answers, and every call has an idempotency key made of them: a year that was interrupted is gone through
    again by the same command, which posts nothing twice and comes to the same end.

    The end is a report: what was posted, the roll-forward of each quarter, the liability, the trial balance, whether
    all of these agree with each other and with every answer on the way, and what `verify` says.

    Ends with 1 when something does not add up.

    [dim]ledger-service dev[/dim], and in another terminal
    [dim]ledger-service year --file grocery_year.csv.gz --lines grocery_lines.jsonl.gz --report year.md[/dim]"""
    from ledger_service.cli.console import Misused, people, say_line
    from ledger_service.cli.dev.files import Files, default_directory
    from ledger_service.cli.loop import run_to_end
    from ledger_service.cli.programs import SLUG
    from ledger_service.cli.purchases.posting import Tally
    from ledger_service.cli.year.report import lines_of, markdown_of

    slug = program or f"year-{seed}" + (f"-{limit}" if limit else "")
    if not SLUG.fullmatch(slug):
        raise Misused(f"--program: {slug!r} is no slug: 1 to 40 of a-z 0-9 and -")
    local = Files(data_dir or default_directory())
    if read_url is None and (data_dir is not None or api_key is None):
        read_url = local.service_url()
    if api_key is None:
        if not local.api_key.is_file():
            raise Misused("Which API key? Give one of scope operator with --api-key or LEDGER_API_KEY.")
        api_key = local.api_key.read_text().strip()
    if state is None and not local.directory.is_dir():
        raise Misused(f"There is no {local.directory} to keep the program's key in. Name a file for it with --state.")
    kept_at = state or local.directory / f"{slug}.key"
    tally = Tally()
    started_at = perf_counter()
    try:
        findings = run_to_end(live(file, lines, limit, seed, slug, kept_at, url, api_key, read_url, tally))
    except KeyboardInterrupt:
        people().print(f"Interrupted after {tally.done:,} baskets. The same command goes on from here.")
        raise typer.Exit(130) from None
    people().print(f"{tally.done:,} baskets in {perf_counter() - started_at:,.0f} seconds.")
    for line in lines_of(findings):
        say_line(line)
    if report is not None:
        report.write_text(markdown_of(findings))
    if not findings.is_clean:
        raise typer.Exit(1)


async def live(
    file: Path,
    lines: Path | None,
    limit: int | None,
    seed: int,
    slug: str,
    state: Path,
    url: str,
    api_key: str,
    read_url: str | None,
    tally: "Tally",
) -> "Findings":
    """The whole year and its report. Raises CallFailed and Misused."""
    from zoneinfo import ZoneInfo

    from ledger_service.cli.caller import Caller
    from ledger_service.cli.purchases.progress import showing
    from ledger_service.cli.year.baskets import of_some_households, read_baskets
    from ledger_service.cli.year.living import Year, day_begin
    from ledger_service.cli.year.program import kept_key, made_program, sample_settings
    from ledger_service.cli.year.reading import checks_of, read_books
    from ledger_service.cli.year.report import Findings

    settings = sample_settings()
    zone = ZoneInfo(settings["time_zone"])
    baskets = read_baskets(file, lines, zone, ACCOUNT_PREFIX)
    if limit is not None:
        baskets = of_some_households(baskets, limit)
    key = kept_key(state)
    if key is None:
        async with Caller.to(url, api_key) as operator:
            key = await made_program(operator, slug, settings, day_begin(baskets[0].day, zone), state)
    with showing(len(baskets), tally) as moved:
        async with Caller.to(url, key) as caller:
            told = await Year(caller, zone, seed, tally, moved).live(baskets)
            books = await read_books(caller, baskets[0].day, baskets[-1].day)
    verified = None if read_url is None else await verified_line(read_url, slug)
    return Findings(
        command_of(file, lines, seed, limit),
        len(baskets),
        len({basket.account_id for basket in baskets}),
        told,
        books,
        checks_of(books, told),
        verified,
    )


def command_of(file: Path, lines: Path | None, seed: int, limit: int | None) -> str:
    """The command that goes through the same year, without what is this machine's alone."""
    words = ["ledger-service year", f"--file {file.name}"]
    words += [f"--lines {lines.name}"] if lines else []
    words += [f"--seed {seed}"]
    words += [f"--limit {limit}"] if limit else []
    return " ".join([*words, "--report docs/the_real_year.md"])


async def verified_line(read_url: str, slug: str) -> str:
    """What `verify` says of the program; a database that cannot be read costs nobody the rest of the report."""
    from ledger_service.errors import Failure

    try:
        return await verified_books(read_url, slug)
    except Failure as failure:
        return f"not verified: {failure}"


async def verified_books(read_url: str, slug: str) -> str:
    """The last line of `verify`. Raises Misused when the database does not have the program, DatabaseUnavailable."""
    from ledger_service.cli.console import Misused, people
    from ledger_service.cli.verify import finding_line, summary_line
    from ledger_service.storage.audit import Audit, Scope
    from ledger_service.upkeep.verification import verify

    async with Audit.open(read_url) as audit:
        slugs = await audit.programs()
        program_id = next((program_id for program_id, known in slugs.items() if known == slug), None)
        if program_id is None:
            raise Misused(f"The database to verify has no program {slug!r}: it is not that of the service.")
        console = people()
        report = await verify(
            audit,
            Scope(program_id, None),
            lambda finding: console.print(finding_line(finding, slugs), markup=False),
            lambda entries: None,
        )
    return summary_line(report)
