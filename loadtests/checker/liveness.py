"""Check 12: how long the service was away, and what became of what nobody was told about. Figures, never findings."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from checker.attempts import Attempt, Command
from checker.history import History

GRACE_MS = 250
"""An answer is due this long after the caller's deadline."""

BEFORE_NS = 5_000_000_000
"""The former rate is that of this long before a fault."""

WINDOW_NS = 1_000_000_000
"""A rate is counted over this long."""

RECOVERED_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Away:
    """What one fault did to writes, up to the next fault."""

    fault: str
    at_ns: int
    healed_after_ms: float | None
    gap_ms: float | None
    """By intended send time: the longest stretch in which nothing that was sent succeeded. None: too few did."""
    silence_ms: float | None
    """By completion: the longest stretch without a success."""
    reads_gap_ms: float | None
    rate_before: float | None
    """Successful writes a second."""
    recovered_after_ms: float | None
    """From the fault to the first second with 95 % of the former rate after the longest silence. None: not reached."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Figures of a whole history."""

    attempts: int
    unknown: int
    unknown_share: float
    unknown_then_answered: int
    """Keys with an unknown attempt whose outcome a retry was told."""
    unknown_but_written: int
    """Keys of which nobody was told, and that are in the books."""
    unknown_not_written: int
    """Keys of which nobody was told, and that are not."""
    late: int
    """Answers later than deadline + 250 ms."""
    unanswered: int
    """Attempts that ended without an answer."""
    slowest_ms: float
    faults: tuple[Away, ...]


def liveness(history: History) -> Liveness:
    """The figures."""
    attempts = history.attempts or ()
    unknown = [command for command in history.commands.values() if _has_unknown(command)]
    silent = [command for command in unknown if not command.answered]
    written = sum(command.key in history.rows_of_key for command in silent)
    answered_ms = [_took_ms(attempt) for attempt in attempts if attempt.status is not None and attempt.complete_ns]
    late = sum(
        _took_ms(attempt) > attempt.deadline_ms + GRACE_MS
        for attempt in attempts
        if attempt.status is not None and attempt.complete_ns
    )
    number_unknown = sum(attempt.outcome == "unknown" for attempt in attempts)
    return Liveness(
        attempts=len(attempts),
        unknown=number_unknown,
        unknown_share=number_unknown / len(attempts) if attempts else 0.0,
        unknown_then_answered=len(unknown) - len(silent),
        unknown_but_written=written,
        unknown_not_written=len(silent) - written,
        late=late,
        unanswered=sum(attempt.status is None for attempt in attempts),
        slowest_ms=max(answered_ms, default=0.0),
        faults=_aways(history, attempts),
    )


def _has_unknown(command: Command) -> bool:
    return any(attempt.outcome == "unknown" for attempt in command.attempts)


def _took_ms(attempt: Attempt) -> float:
    return ((attempt.complete_ns or attempt.invoke_ns) - attempt.invoke_ns) / 1e6


def _aways(history: History, attempts: Sequence[Attempt]) -> tuple[Away, ...]:
    injected = [fault for fault in history.faults if fault.is_injected]
    if not injected:
        return ()
    meant: dict[int, int] = {}
    for attempt in attempts:
        meant[attempt.op] = min(attempt.intended_ns, meant.get(attempt.op, attempt.intended_ns))
    served = [attempt for attempt in attempts if attempt.is_answered and attempt.complete_ns is not None]
    sent = sorted({meant[attempt.op] for attempt in served if not attempt.is_read})
    read = sorted({meant[attempt.op] for attempt in served if attempt.is_read})
    done = sorted(attempt.complete_ns for attempt in served if not attempt.is_read and attempt.complete_ns is not None)
    end_ns = max((attempt.complete_ns or attempt.invoke_ns for attempt in attempts), default=0)
    aways = []
    for number, fault in enumerate(injected):
        until_ns = injected[number + 1].at_ns if number + 1 < len(injected) else end_ns
        healed = next(
            (h.at_ns for h in history.faults if not h.is_injected and h.name == fault.name and h.at_ns >= fault.at_ns),
            None,
        )
        gap, silence, reads_gap = (_longest(times, fault.at_ns, until_ns) for times in (sent, done, read))
        rate = _rate_before(done, fault.at_ns)
        aways.append(
            Away(
                fault=fault.name,
                at_ns=fault.at_ns,
                healed_after_ms=None if healed is None else (healed - fault.at_ns) / 1e6,
                gap_ms=_length_ms(gap),
                silence_ms=_length_ms(silence),
                reads_gap_ms=_length_ms(reads_gap),
                rate_before=rate,
                recovered_after_ms=_recovered_ms(done, fault.at_ns, silence, rate, until_ns),
            )
        )
    return tuple(aways)


def _longest(times: Sequence[int], from_ns: int, until_ns: int) -> tuple[int, int] | None:
    """The longest stretch between two of these times that reaches into from … until."""
    first = max(bisect_left(times, from_ns) - 1, 0)
    last = min(bisect_right(times, until_ns), len(times) - 1)
    stretches = [(times[at], times[at + 1]) for at in range(first, last)]
    return max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=None)


def _length_ms(stretch: tuple[int, int] | None) -> float | None:
    return None if stretch is None else (stretch[1] - stretch[0]) / 1e6


def _rate_before(done: Sequence[int], at_ns: int) -> float | None:
    if not done or done[0] >= at_ns:
        return None
    from_ns = max(at_ns - BEFORE_NS, done[0])
    number = bisect_left(done, at_ns) - bisect_left(done, from_ns)
    return number / ((at_ns - from_ns) / 1e9)


def _recovered_ms(
    done: Sequence[int], at_ns: int, silence: tuple[int, int] | None, rate: float | None, until_ns: int
) -> float | None:
    if rate is None or silence is None:
        return None
    for index in range(bisect_left(done, max(at_ns, silence[1])), len(done)):
        start_ns = done[index]
        if start_ns + WINDOW_NS > until_ns:
            return None
        if bisect_left(done, start_ns + WINDOW_NS) - index >= RECOVERED_SHARE * rate * WINDOW_NS / 1e9:
            return (start_ns - at_ns) / 1e6
    return None
