"""A surge: what one stretch of too much load came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.cli.drill.figures import Distribution
from ledger_service.cli.drill.scene import Claim

DEADLINE_SECONDS = 4.5
GOODPUT_SHARE_MIN = 0.9
ACCEPTED_TIMES_MAX = 2.0
REFUSAL_SECONDS_MAX = 0.02
RECOVERY_SECONDS_MAX = 5.0
MEMORY_TIMES_MAX = 1.25
"""Memory counts as flat when the most is no more than this many times what it was at 70 %."""

LATE_SECONDS = 0.25
STEP_SECONDS = 0.25
"""How finely the beginning of the first normal second is looked for."""

Answer = tuple[float, float, int]
"""The second it was meant to be sent, the seconds it took from then, its status."""


@dataclass(frozen=True, slots=True)
class Surge:
    """One stretch. Latencies in seconds from the intended time."""

    name: str
    rate: float
    """Requests a second that were meant to come."""
    sent: int
    accepted: int
    refused: int
    other: int
    """Answers that were neither 201 nor 503 nor 429."""
    unanswered: int
    not_begun: int
    late: int
    """Answered later than the deadline and 250 ms."""
    goodput: float
    """Accepted within their deadline, a second."""
    accepted_seconds: Distribution | None
    refusal_seconds: Distribution | None
    client_lag_p99: float
    client_cpu_share: float
    memory_bytes_max: int
    normal_after_seconds: float | None
    """How long until a whole second was normal; None: never."""


def surge_of(
    name: str,
    rate: float,
    seconds: float,
    flooded: dict[str, Any],
    memory: Sequence[int],
    usual_p99: float | None = None,
) -> Surge:
    """The figures of what one flood wrote. `usual_p99`: seconds that an accepted request takes in a normal second."""
    answers: list[Answer] = list(zip(flooded["intended"], flooded["seconds"], flooded["statuses"], strict=True))
    accepted = [took for _, took, status in answers if status == 201]
    refused = [took for _, took, status in answers if status in (429, 503)]
    lags = Distribution.of(flooded["lags"])
    return Surge(
        name=name,
        rate=rate,
        sent=flooded["sent"],
        accepted=len(accepted),
        refused=len(refused),
        other=len(answers) - len(accepted) - len(refused),
        unanswered=flooded["broken"],
        not_begun=flooded["not_begun"],
        late=sum(took > DEADLINE_SECONDS + LATE_SECONDS for _, took, _ in answers),
        goodput=sum(took <= DEADLINE_SECONDS for took in accepted) / seconds,
        accepted_seconds=Distribution.of(accepted),
        refusal_seconds=Distribution.of(refused),
        client_lag_p99=0.0 if lags is None else lags.p99,
        client_cpu_share=flooded["cpu_seconds"] / seconds,
        memory_bytes_max=max(memory, default=0),
        normal_after_seconds=normal_after(answers, seconds, usual_p99),
    )


def normal_after(answers: Sequence[Answer], seconds: float, usual_p99: float | None) -> float | None:
    """How long until a whole second came in which everybody was accepted, and as quickly as is normal: with a 99th
    percentile of no more than ACCEPTED_TIMES_MAX times the usual one."""
    at = 0.0
    while at + 1.0 <= seconds:
        came = [(took, status) for intended, took, status in answers if at <= intended < at + 1.0]
        took = Distribution.of(took for took, _ in came)
        is_quick = took is None or usual_p99 is None or took.p99 <= ACCEPTED_TIMES_MAX * usual_p99
        if is_quick and all(status == 201 for _, status in came):
            return at
        at += STEP_SECONDS
    return None


def targets_met(peak: float, usual: Surge, surges: Sequence[Surge], after: Surge) -> list[Claim]:
    """The promised figures, each with whether it was reached."""
    met = []
    for surge in surges:
        share = surge.goodput / peak if peak else 0.0
        met.append(Claim(f"{surge.name}: goodput {share:.0%} of the most", share >= GOODPUT_SHARE_MIN))
        if surge.accepted_seconds and usual.accepted_seconds:
            times = surge.accepted_seconds.p99 / usual.accepted_seconds.p99
            text = f"{surge.name}: accepted p99 {times:.1f} times that at 70 %, promised {ACCEPTED_TIMES_MAX:.0f}"
            met.append(Claim(text, times <= ACCEPTED_TIMES_MAX))
        if surge.refusal_seconds:
            took = surge.refusal_seconds.p99
            text = f"{surge.name}: refusals p99 {took * 1000:.0f} ms, promised {REFUSAL_SECONDS_MAX * 1000:.0f}"
            met.append(Claim(text, took <= REFUSAL_SECONDS_MAX))
        met.append(Claim(f"{surge.name}: answered too late {surge.late}, promised 0", surge.late == 0))
        if usual.memory_bytes_max:
            times = surge.memory_bytes_max / usual.memory_bytes_max
            met.append(Claim(f"{surge.name}: memory {times:.2f} times that at 70 %", times <= MEMORY_TIMES_MAX))
    took_back = after.normal_after_seconds
    said = "never" if took_back is None else f"after {took_back:.1f} s"
    is_back = took_back is not None and took_back <= RECOVERY_SECONDS_MAX
    met.append(Claim(f"normal again {said}, promised {RECOVERY_SECONDS_MAX:.0f} s", is_back))
    return met
