"""`ledger-service import purchases`: a CSV file of baskets becomes earns."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ledger_service.cli.purchases.posting import Tally, Terms
    from ledger_service.cli.purchases.reading import Columns

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="Post purchases from a CSV file."
)


@app.callback()
def files() -> None:
    """Bring what other systems know into the ledger. Safe to repeat and to interrupt."""


@app.command()
def purchases(
    file: Path = typer.Option(..., help="A CSV file with a header, UTF-8, packed with gzip or not."),
    url: str = typer.Option("http://127.0.0.1:8080", help="Where the service listens."),
    api_key: str | None = typer.Option(
        None,
        envvar="LEDGER_API_KEY",
        help="A key with scopes earn and accounts. Default: that of the local `dev`.",
    ),
    data_dir: Path | None = typer.Option(None, help="The data directory of the `dev` whose key to use."),
    rate: str = typer.Option("1", help="Points per unit of money; the result is rounded down. 0.5 is one per two."),
    columns: str = typer.Option(
        "",
        help="What the columns are called, where it differs: "
        "order=basket_id,account=household_id,amount=amount,at=at,store=store_id",
    ),
    account_prefix: str = typer.Option("", help="Put before each account id of the file."),
    keep_dates: bool = typer.Option(
        False,
        help="Send the purchase's time as occurred_at; the program's limits.max_backdate_days must reach back.",
    ),
    concurrency: int = typer.Option(4, min=1, max=16, help="Chunks of 500 baskets on their way at the same time."),
) -> None:
    """Post each basket as an earn: whole points for the amount, order_id the basket, the account opened when unknown.

    The idempotency key comes from the basket, so that repeating an import, or going on after an interruption, posts
    nothing twice. Ends with 1 when a row could not be posted; the report names the lines.

    [dim]ledger-service import purchases --file year.csv.gz --rate 0.5[/dim]"""
    from ledger_service.cli.console import Misused, people, say_line
    from ledger_service.cli.dev.files import Files, default_directory
    from ledger_service.cli.loop import run_to_end
    from ledger_service.cli.purchases.posting import Tally, Terms
    from ledger_service.cli.purchases.reading import ACCOUNT_ID, Columns

    terms = Terms(decimal_rate(rate), keep_dates, concurrency)
    named = Columns.parse(columns)
    if account_prefix and not ACCOUNT_ID.fullmatch(account_prefix):
        raise Misused("--account-prefix: an account id is made of A-Z a-z 0-9 . _ ~ -")
    if api_key is None:
        kept = Files(data_dir or default_directory()).api_key
        if not kept.is_file():
            raise Misused("Which API key? Give one with --api-key or LEDGER_API_KEY.")
        api_key = kept.read_text().strip()
    tally = Tally()
    try:
        run_to_end(post_file(file, named, account_prefix, url, api_key, terms, tally))
    except KeyboardInterrupt:
        people().print(f"Interrupted after {tally.done:,} baskets. The same command goes on from here.")
        raise typer.Exit(130) from None
    for line in report(tally):
        say_line(line)
    if tally.failed:
        raise typer.Exit(1)


def decimal_rate(text: str) -> Decimal:
    """A rate above 0. Raises Misused."""
    from ledger_service.cli.console import Misused

    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise Misused(f"--rate: {text!r} is not a number above 0.")
    return rate


async def post_file(
    file: Path,
    columns: "Columns",
    account_prefix: str,
    url: str,
    api_key: str,
    terms: "Terms",
    tally: "Tally",
) -> None:
    """Post a file, showing how far it is."""
    from ledger_service.cli.caller import Caller
    from ledger_service.cli.purchases.posting import post_purchases
    from ledger_service.cli.purchases.progress import showing
    from ledger_service.cli.purchases.reading import count_rows, read_purchases

    with showing(count_rows(file), tally) as moved:
        async with Caller.to(url, api_key) as caller:
            await post_purchases(read_purchases(file, columns, account_prefix), caller, terms, tally, moved)


def report(tally: "Tally") -> list[str]:
    """What came of it, for people and programs."""
    lines = [
        f"baskets read {tally.read}",
        f"posted now {tally.posted}",
        f"already posted {tally.already}",
        f"skipped, worth no point {tally.pointless}",
        f"failed {tally.failed}",
        f"points {tally.points}",
    ]
    lines += [f"line {line}: {reason}" for line, reason in tally.failures]
    if tally.failed > len(tally.failures):
        lines.append(f"… and {tally.failed - len(tally.failures)} more")
    if tally.posted == 0 and tally.failed == 0 and tally.already:
        lines.append(f"nothing to post: all {tally.already} baskets are already in the ledger")
    return lines
