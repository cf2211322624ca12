"""What a drill says: a table for people, figures for programs, and every promise that was broken."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ledger_service.cli.drill.figures import Distribution
from ledger_service.cli.drill.rounds import Result
from ledger_service.cli.drill.scene import Claim
from ledger_service.cli.drill.schedule import READS

FIGURES = "drill.json"


def figures(result: Result) -> dict[str, Any]:
    """Everything, as it is written to a file. Durations in seconds."""
    rounds = result.rounds
    writes = [one for one in result.told if one.kind not in READS]
    reads = [one for one in result.told if one.kind in READS]
    flying, landed = in_flight(result)
    return {
        "fault": result.fault.name,
        "what": result.fault.what,
        "seed": result.plan.seed,
        "rate": result.plan.rate,
        "runs": len(rounds),
        "runs_wanted": result.plan.runs,
        "trouble": result.trouble,
        "clean": result.is_clean,
        "operations": len(result.told),
        "acknowledged": result.acknowledged,
        "refused": sum(one.outcome == "refused" for one in result.told),
        "lost": result.verdict.lost,
        "duplicated": result.verdict.duplicated,
        "findings": result.verdict.counts,
        "checks_not_run": result.verdict.not_run,
        "forced_retries": result.repeats,
        "unknown_attempts": result.verdict.unknown,
        "unknown_told_by_a_retry": result.verdict.unknown_then_answered,
        "unknown_but_written": result.verdict.unknown_but_written,
        "unknown_not_written": result.verdict.unknown_not_written,
        "write_gap": distribution(one.write_gap.seconds for one in rounds),
        "read_gap": distribution(one.read_gap.seconds for one in rounds),
        "recovery": distribution(one.recovery_seconds for one in rounds if one.recovery_seconds is not None),
        "never_recovered": sum(one.recovery_seconds is None for one in rounds),
        "in_flight": flying,
        "in_flight_in_time": landed,
        "unsettled": sum(one.unsettled for one in rounds),
        "tries": [sum(one.tries[place] for one in rounds) for place in range(3)],
        "write_latency": distribution(one.seconds for one in writes if one.is_settled),
        "read_latency": distribution(one.seconds for one in reads if one.is_settled),
        "seen": dict(result.seen),
        "late_answers": result.late,
        "not_begun": result.unsent,
        "client_lag_max": result.lag_seconds_max,
        "claims": [asdict(claim) for claim in tallied(result.claims)],
        "targets": [asdict(claim) for claim in targets_met(result)],
    }


def distribution(numbers: Iterator[float]) -> dict[str, float] | None:
    """A distribution as JSON."""
    found = Distribution.of(numbers)
    return None if found is None else asdict(found)


def in_flight(result: Result) -> tuple[int, int]:
    """Writes in flight in all rounds, and those of them that were settled inside their deadline."""
    return sum(one.in_flight for one in result.rounds), sum(one.in_flight_in_time for one in result.rounds)


def tallied(claims: tuple[Claim, ...]) -> list[Claim]:
    """The same claim of many rounds as one, which holds if it always did."""
    ordered = sorted(claims, key=lambda claim: claim.text)
    tallied = []
    for text, same in groupby(ordered, key=lambda claim: claim.text):
        held = [claim.holds for claim in same]
        times = "" if len(held) == 1 else f" ({sum(held)} of {len(held)} times)"
        tallied.append(Claim(text + times, all(held)))
    return tallied


def targets_met(result: Result) -> list[Claim]:
    """The promised figures, each with whether it was reached."""
    targets = result.fault.targets
    gap = Distribution.of(one.write_gap.seconds for one in result.rounds)
    flying, landed = in_flight(result)
    unsettled = sum(one.unsettled for one in result.rounds)
    more = sum(one.tries[2] for one in result.rounds)
    met = [Claim(f"answered within deadline + 250 ms: all but {result.late}", result.late == 0)]
    if gap is not None and (limit := targets.write_gap_p95_seconds_max) is not None:
        met.append(Claim(f"write gap p95 {gap.p95:.2f} s, promised {limit:.1f}", gap.p95 <= limit))
    if gap is not None and (limit := targets.write_gap_seconds_max) is not None:
        met.append(Claim(f"write gap max {gap.most:.2f} s, promised {limit:.1f}", gap.most <= limit))
    if flying and (share := targets.in_flight_share_min) is not None:
        text = f"in flight and settled in time {landed / flying:.2%}, promised {share:.0%}"
        met.append(Claim(text, landed / flying >= share))
    if (most := targets.unsettled_max) is not None:
        met.append(Claim(f"writes not settled in time {unsettled}, promised {most}", unsettled <= most))
    if targets.two_tries_suffice:
        met.append(Claim(f"writes that took more than one retry {more}, promised 0", more == 0))
    return met


def broken(result: Result) -> list[str]:
    """What must not be, a sentence for each. Figures that were not reached are not among them."""
    sentences = [] if result.trouble is None else [f"not all rounds were done: {result.trouble}"]
    sentences += result.verdict.sentences
    sentences += [f"does not hold: {claim.text}" for claim in tallied(result.claims) if not claim.holds]
    return sentences


def write_figures(result: Result) -> Path:
    """Write the figures beside the history."""
    path = result.plan.folder / FIGURES
    path.write_text(json.dumps(figures(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def print_report(result: Result, console: Console) -> None:
    """Print what people want to know first."""
    found = figures(result)
    named = f"{result.fault.name}: {result.fault.what}"
    title = f"{named}; {found['runs']} runs, {result.plan.rate:.0f}/s, seed {found['seed']}"
    table = Table(box=None, title=title, title_justify="left", show_header=False)
    for label, text in rows(found):
        table.add_row(label, Text(text))
    console.print(table)
    for claim in tallied(result.claims):
        console.print(Text(f"{'holds ' if claim.holds else 'BROKEN'} {claim.text}"))
    for claim in targets_met(result):
        console.print(Text(f"{'holds ' if claim.holds else 'missed'} {claim.text}"))


def rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines of the table."""
    yield (
        "acknowledged",
        f"{found['acknowledged']:,} of {found['operations']:,}, {found['refused']:,} refused by the books",
    )
    yield "lost, duplicated", f"{found['lost']}, {found['duplicated']}"
    yield (
        "findings",
        ", ".join(f"check {check}: {count}" for check, count in found["findings"].items() if count) or "none",
    )
    yield "forced retries", f"{found['forced_retries']:,}"
    yield (
        "unknown",
        f"{found['unknown_attempts']:,} attempts; of their keys {found['unknown_told_by_a_retry']:,} told by a retry, "
        f"{found['unknown_but_written']} written and never told, {found['unknown_not_written']} not written",
    )
    for label, name in (("write gap", "write_gap"), ("read gap", "read_gap"), ("95 % again after", "recovery")):
        yield label, spread(found[name], "s", 1)
    if found["in_flight"]:
        share = found["in_flight_in_time"] / found["in_flight"]
        yield "in flight", f"{found['in_flight']:,}, {share:.2%} settled inside their deadline"
    one, two, more = found["tries"]
    yield "tries", f"{one:,} writes took one, {two:,} two, {more:,} more; {found['unsettled']:,} not settled in time"
    yield "write latency", spread(found["write_latency"], "ms", 1000)
    yield "read latency", spread(found["read_latency"], "ms", 1000)
    yield "callers saw", ", ".join(f"{answer} × {count:,}" for answer, count in sorted(found["seen"].items()))
    yield "client", f"{found['client_lag_max'] * 1000:.0f} ms late at worst, {found['not_begun']} operations not begun"
    if found["checks_not_run"]:
        yield "not checked", "; ".join(found["checks_not_run"])


def spread(numbers: dict[str, float] | None, unit: str, factor: float) -> str:
    """A distribution on one line, with its count."""
    if numbers is None:
        return "–"
    least, p50, p95, most = (numbers[name] * factor for name in ("least", "p50", "p95", "most"))
    return f"min {least:.2f}, p50 {p50:.2f}, p95 {p95:.2f}, max {most:.2f} {unit} (N = {numbers['count']})"
