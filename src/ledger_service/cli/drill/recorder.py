"""The recorder: every attempt of a drill as a line that the history checker reads."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns
from typing import Any, TextIO

from ledger_service.cli.drill.answers import Outcome, outcome_of
from ledger_service.cli.drill.operations import Operation
from ledger_service.cli.drill.wire import Reply

MARGIN_MS = 250
"""What an answer may take beyond the caller's deadline."""

ATTEMPTS, FAULTS, ENTRIES, ACCOUNTS = "attempts.jsonl", "faults.jsonl", "entries.jsonl", "accounts.jsonl"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and what came of it."""

    outcome: Outcome
    status: int | None
    code: str | None
    """Of the problem, or why there was no answer; None for a success."""
    complete_ns: int
    """When it was answered or given up."""
    is_late: bool
    """Not answered by its deadline and MARGIN_MS."""
    body: Any


class Recorder:
    """Writes attempts and faults as they happen. Enter it with `with`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.seen: Counter[str] = Counter()
        """How often callers saw which answer: `201`, `503 overloaded`, `connection lost`."""
        self.late = 0
        self.attempts = 0
        self.numbers: Counter[int] = Counter()
        self.file: TextIO | None = None
        self.faults: TextIO | None = None

    def __enter__(self) -> "Recorder":
        self.file = (self.folder / ATTEMPTS).open("w", encoding="utf-8", buffering=1 << 20)
        self.faults = (self.folder / FAULTS).open("w", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        for file in (self.file, self.faults):
            if file is not None:
                file.close()

    def mark(self, fault: str, what: str) -> int:
        """Note that a fault was `injected` or `healed` now; answer when, in monotonic nanoseconds."""
        at_ns = monotonic_ns()
        assert self.faults is not None  # noqa: S101 - entered
        print(json.dumps({"at_ns": at_ns, "fault": fault, "what": what}), file=self.faults, flush=True)
        return at_ns

    def lines(self) -> list[dict[str, Any]]:
        """All attempts so far, as they are written."""
        assert self.file is not None  # noqa: S101 - entered
        self.file.flush()
        return [json.loads(line) for line in (self.folder / ATTEMPTS).read_text(encoding="utf-8").splitlines()]

    def take_over(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Begin with attempts of another recording."""
        assert self.file is not None  # noqa: S101 - entered
        for line in lines:
            self.numbers[line["op"]] = max(self.numbers[line["op"]], line["attempt"])
            self.attempts += 1
            self.file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def note(
        self,
        made: Operation,
        intended_ns: int,
        invoke_ns: int,
        deadline_ms: int,
        session: str,
        reply: Reply | None,
        reason: str | None = None,
        *,
        sent: bool = True,
    ) -> Attempt:
        """Write one attempt down. `reply` None: there was no answer, for `reason`."""
        complete_ns = monotonic_ns()
        body, code = told(reply)
        status = None if reply is None else reply.status
        outcome = outcome_of(status, code, sent=sent)
        self.numbers[made.number] += 1
        self.attempts += 1
        is_late = complete_ns - invoke_ns > (deadline_ms + MARGIN_MS) * 1_000_000
        self.late += is_late
        self.seen[reason or "no answer" if status is None else f"{status} {code}" if code else str(status)] += 1
        headers = {} if reply is None else reply.headers
        source = body.get("source") if isinstance(body, dict) and not made.is_write else None
        line = {
            "op": made.number,
            "attempt": self.numbers[made.number],
            "kind": made.kind.value,
            "account": made.account_id,
            "to_account": made.to_account,
            "key": made.key,
            "order": made.order_id,
            "source": None,
            "points": made.points,
            "hold_id": made.hold_id,
            "reverses_seq": made.reverses_seq,
            "fingerprint": made.fingerprint,
            "intended_ns": intended_ns,
            "invoke_ns": invoke_ns,
            "complete_ns": complete_ns,
            "outcome": outcome.value,
            "status": status,
            "replayed": headers.get("idempotent-replayed") == "true",
            "body": body,
            "body_sha": None if reply is None else hashlib.sha256(reply.body).hexdigest(),
            "deadline_ms": deadline_ms,
            # Which replica answered is not said, and one may be behind the other: no session spans two of them.
            "session": f"{session}-{made.number}" if source == "replica" else session,
            "read_source": source,
            "min_seq": None,
        }
        assert self.file is not None  # noqa: S101 - entered
        self.file.write(json.dumps(line, separators=(",", ":")) + "\n")
        return Attempt(outcome, status, code or reason, complete_ns, is_late, body)


def told(reply: Reply | None) -> tuple[Any, str | None]:
    """The document of an answer and its problem code. A proxy may answer with something else."""
    if reply is None or not reply.body:
        return None, None
    try:
        body = json.loads(reply.body)
    except ValueError:
        return None, None
    return body, body.get("code") if reply.status >= 400 and isinstance(body, dict) else None
