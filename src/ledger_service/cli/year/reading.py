"""What the books say at the end of the year, read through the API and held against itself and against the answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from ledger_service.cli.caller import Caller, CallFailed, detail_of
from ledger_service.cli.year.told import Told

ADDING_UP = ("opening", "issued", "restored", "adjusted", "redeemed", "expired", "taken_back")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One roll-forward: what it is called, and its lines."""

    name: str
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Books:
    """The reports of a program at the end of a year."""

    liability: Mapping[str, Any]
    quarters: Sequence[Stretch]
    whole: Stretch
    trial_balance: Mapping[str, Any]


async def read_books(caller: Caller, first: date, last: date) -> Books:
    """All reports as of the end of the last day. Raises CallFailed."""
    quarters = [
        Stretch(f"{begin} to {end}", await roll_forward(caller, begin, end)) for begin, end in quarters_of(first, last)
    ]
    return Books(
        await read(caller, f"/reports/liability?as_of={last}"),
        quarters,
        Stretch(f"{first} to {last}", await roll_forward(caller, first, last)),
        await read(caller, "/reports/trial-balance"),
    )


async def roll_forward(caller: Caller, first: date, last: date) -> Mapping[str, int]:
    lines: Mapping[str, int] = await read(caller, f"/reports/roll-forward?from={first}&to={last}")
    return lines


async def read(caller: Caller, path: str) -> Any:
    """What a GET answers. Raises CallFailed when it is not 200."""
    response = await caller.try_again(lambda: caller.client.get(f"/v1{path}"))
    if response.status_code != 200:
        raise CallFailed(f"The service does not answer {path}: {detail_of(response)}")
    return response.json()


def quarters_of(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The calendar quarters from the first to the last day, the outer ones cut to them."""
    begin = first
    while begin <= last:
        quarter = (begin.month - 1) // 3
        ends_before = date(begin.year + (quarter == 3), 1 if quarter == 3 else 3 * quarter + 4, 1)
        yield begin, min(last, ends_before - timedelta(days=1))
        begin = ends_before


def checks_of(books: Books, told: Told) -> dict[str, bool]:
    """What has to be true of the reports: each sentence, and whether it is."""
    whole, liability = books.whole.lines, books.liability
    members = next(each["points"] for each in books.trial_balance["accounts"] if each["name"] == "members")
    chain = [stretch.lines for stretch in books.quarters]
    return {
        "the lines of every roll-forward add up to its closing": all(
            sum(lines[name] for name in ADDING_UP) == lines["closing"] for lines in (*chain, whole)
        ),
        "every quarter opens with what the one before closed with": all(
            before["closing"] == after["opening"] for before, after in pairwise(chain)
        ),
        "the quarters together are the year": all(
            sum(lines[name] for lines in chain) == whole[name] for name in (*ADDING_UP[1:], "written_off")
        ),
        "the liability is available + pending + held": liability["total"]
        == liability["available"] + liability["pending"] + liability["held"],
        "the liability is what the year closed with": liability["total"] == whole["closing"],
        "the trial balance comes to 0": books.trial_balance["total"] == 0,
        "what members have by the trial balance is the liability": members == liability["total"],
        "the points that earns answered were issued": told.points["earn"] == whole["issued"],
        "the points that redeems and captures answered were redeemed": told.points["redeem"] == whole["redeemed"],
        "the points that refunds answered were taken back": told.points["reverse_earn"] == whole["taken_back"],
        "the points that refunds gave back were restored": told.points["reverse_redeem"] == whole["restored"],
        "what refunds answered as written off was": told.written_off == whole["written_off"],
    }
