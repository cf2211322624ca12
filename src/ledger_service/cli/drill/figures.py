"""Figures: what a drill's callers felt, reckoned from what each of them was told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger_service.cli.drill.load import Told
from ledger_service.cli.drill.schedule import READS

BEFORE_NS = 200_000_000
"""A gap may begin so much before the mark of its fault: the mark is made first, and the last answers overtake it."""

STANDSTILL_SECONDS = 0.5
"""A shorter gap is what chance leaves between callers at 50 operations a second."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to another, monotonic nanoseconds."""

    from_ns: int
    to_ns: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.to_ns - self.from_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Distribution:
    """How some numbers are spread. Never published without their count."""

    count: int
    least: float
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> "Distribution | None":
        """None for no numbers. A percentile is a number that occurred: the nearest rank, which never flatters."""
        ordered = sorted(numbers)
        if not ordered:
            return None
        p50, p95, p99 = (rank(ordered, share) for share in (0.5, 0.95, 0.99))
        return cls(len(ordered), ordered[0], p50, p95, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """One round: one fault, injected and healed."""

    number: int
    span: Span
    """From the injection to the end of the round."""
    healed_ns: int
    write_gap: Span
    """The longest time without a settled write."""
    read_gap: Span
    in_flight: int
    """Writes that were under way, or came, between the fault and the first success after it."""
    in_flight_in_time: int
    unsettled: int
    """Writes of the round that no attempt settled before their deadline."""
    tries: tuple[int, int, int]
    """Settled writes that took one try, two, or more."""
    recovery_seconds: float | None
    """From the injection until 95 % of the former rate was answered again; None when it never was."""


def rank(ordered: Sequence[float], share: float) -> float:
    """The number that `share` of all do not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def round_figures(number: int, told: Sequence[Told], span: Span, healed_ns: int) -> RoundFigures:
    """The figures of one round out of what all callers of the drill were told."""
    writes = [one for one in told if one.kind not in READS]
    gap = longest_gap(settled_at(writes), span)
    begins_ns = max(gap.from_ns, span.from_ns - BEFORE_NS)
    flying = [one for one in writes if one.intended_ns <= gap.to_ns and one.ended_ns >= begins_ns]
    due = [one for one in writes if span.from_ns <= one.intended_ns < span.to_ns]
    tries = [one.tries for one in due if one.is_settled and one.is_in_time]
    return RoundFigures(
        number=number,
        span=span,
        healed_ns=healed_ns,
        write_gap=gap,
        read_gap=longest_gap(settled_at(one for one in told if one.kind in READS), span),
        in_flight=len(flying),
        in_flight_in_time=sum(one.is_settled and one.is_in_time for one in flying),
        unsettled=sum(not (one.is_settled and one.is_in_time) for one in due),
        tries=(tries.count(1), tries.count(2), sum(count > 2 for count in tries)),
        recovery_seconds=recovery_seconds(settled_at(writes), span),
    )


def settled_at(told: Iterable[Told]) -> list[int]:
    """The instants at which callers got answers that count, in order."""
    return sorted(one.ended_ns for one in told if one.is_settled)


def longest_gap(settled: Sequence[int], span: Span) -> Span:
    """The longest time without any of these instants that touches the span; the ends of the span count as edges when
    nothing lies beyond them."""
    from_ns = span.from_ns - BEFORE_NS
    before = [at for at in settled if at < from_ns][-1:] or [from_ns]
    inside = [at for at in settled if from_ns <= at <= span.to_ns]
    after = [at for at in settled if at > span.to_ns][:1] or [span.to_ns]
    return max((Span(one, other) for one, other in pairwise([*before, *inside, *after])), key=lambda gap: gap.seconds)


def recovery_seconds(settled: Sequence[int], span: Span) -> float | None:
    """From the injection to the beginning of the first whole second, after the longest gap, that has 95 % of the rate
    of the three seconds before it; 0 when there was no standstill to recover from."""
    gap = longest_gap(settled, span)
    if gap.seconds < STANDSTILL_SECONDS:
        return 0.0
    former = sum(span.from_ns - 3_000_000_000 <= at < span.from_ns for at in settled) / 3
    at_ns = gap.to_ns
    while at_ns + 1_000_000_000 <= span.to_ns:
        if sum(at_ns <= at < at_ns + 1_000_000_000 for at in settled) >= 0.95 * former:
            return max(0.0, (at_ns - span.from_ns) / 1e9)
        at_ns += 250_000_000
    return None
