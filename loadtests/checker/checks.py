"""The checks, and what they say of one history."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from checker.across import across
from checker.arithmetic import arithmetic
from checker.chain import chain, without_movements
from checker.dense import dense
from checker.findings import (
    ACROSS,
    ARITHMETIC,
    CHAIN,
    DENSE,
    LOST,
    NAMES,
    ONCE,
    PHANTOM,
    READS,
    REAL_TIME,
    REFUSALS,
    REPLAYS,
    Finding,
)
from checker.history import History
from checker.liveness import Liveness, liveness
from checker.lost import lost
from checker.once import once
from checker.phantom import phantom
from checker.reads import reads
from checker.real_time import real_time
from checker.refusals import refusals
from checker.replays import replays

CHECKS: Final[dict[int, Callable[[History], Iterator[Finding]]]] = {
    LOST: lost,
    ONCE: once,
    PHANTOM: phantom,
    DENSE: dense,
    ARITHMETIC: arithmetic,
    REAL_TIME: real_time,
    READS: reads,
    REFUSALS: refusals,
    REPLAYS: replays,
    ACROSS: across,
    CHAIN: chain,
}

NEED_ATTEMPTS: Final = frozenset({REAL_TIME, READS, REFUSALS, REPLAYS, ACROSS})

FINDINGS_MAX: Final = 1000
"""How many findings of one check are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says."""

    check: int
    left_out: str | None
    """What of it did not run, and why. None: all of it ran."""
    was_run: bool
    count: int
    findings: tuple[Finding, ...]
    """The first of them."""

    @property
    def name(self) -> str:
        return NAMES[self.check]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all checks say."""

    entries: int
    accounts: int
    commands: int
    verdicts: tuple[Verdict, ...]
    liveness: Liveness | None
    """None: there were no attempts."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for verdict in self.verdicts for finding in verdict.findings)

    @property
    def is_clean(self) -> bool:
        return all(verdict.count == 0 for verdict in self.verdicts)


def judge(history: History) -> Judgement:
    """Run every check that this history has the data for."""
    return Judgement(
        entries=len(history.books.at),
        accounts=len(history.accounts),
        commands=len(history.commands),
        verdicts=tuple(_verdict(check, history) for check in CHECKS),
        liveness=None if history.attempts is None else liveness(history),
    )


def _verdict(check: int, history: History) -> Verdict:
    left_out, was_run = _left_out(check, history)
    if not was_run:
        return Verdict(check, left_out, False, 0, ())
    kept: list[Finding] = []
    count = 0
    for finding in _found(check, history):
        count += 1
        if count <= FINDINGS_MAX:
            kept.append(finding)
    return Verdict(check, left_out, True, count, tuple(kept))


def _found(check: int, history: History) -> Iterator[Finding]:
    try:
        yield from CHECKS[check](history)
    except (KeyError, TypeError) as missing:
        # An answer without the fields of its kind. The other checks may still say something.
        yield Finding(check, "the history", "an answer lacks what it should have", "as README.md says", repr(missing))


def _left_out(check: int, history: History) -> tuple[str | None, bool]:
    """What does not run for want of data, and whether anything does."""
    if history.attempts is None:
        if check in NEED_ATTEMPTS:
            return "no attempts", False
        if check == LOST:
            return "no attempts: only replicas were compared", bool(history.replicas)
        if check in (ONCE, PHANTOM):
            return "no attempts: only what the books alone can show", True
    if check == LOST and history.refusals is None:
        return "no refusals.jsonl: kept refusals only as far as they were asked again (9)", True
    if check in (CHAIN, ARITHMETIC) and (missing := without_movements(history)):
        what = "hashes" if check == CHAIN else "lots"
        return f"{what} of {missing} entries without movements", check != CHAIN or missing < len(history.books.at)
    return None, True
