"""What the service answered, counted, to be held against what its reports say."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ledger_service.cli.caller import CallFailed
from ledger_service.cli.year.happenings import Operation
from ledger_service.cli.year.sending import Result

POSTED = frozenset({200, 201})
REFUSED = 409


@dataclass(slots=True)
class Told:
    """Sums over all answers so far."""

    posted: Counter[str] = field(default_factory=Counter)
    """Operations by verb."""
    refused: Counter[str] = field(default_factory=Counter)
    """Operations that the books refused, by verb and code."""
    points: Counter[str] = field(default_factory=Counter)
    """Points of the entries that were answered, by kind; signed."""
    written_off: int = 0

    def take(self, operation: Operation, result: Result) -> None:
        """Count an answer. Raises CallFailed for one that a year of well-formed operations never gets."""
        status, body = result
        verb = str(operation.body["op"])
        if status == REFUSED:
            self.refused[f"{verb} {body['code']}"] += 1
            return
        if status not in POSTED:
            raise CallFailed(
                f"The service refuses {operation.body['idempotency_key']}: {body.get('detail', body)} If this program "
                "has lived through another file, take a new one with --program."
            )
        self.posted[verb] += 1
        for entry in entries_of(verb, body):
            self.points[str(entry["kind"])] += entry["points"]
            self.written_off += entry["written_off"]


def entries_of(verb: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries that an answer tells of; a hold's is not told."""
    match verb:
        case "hold":
            return []
        case "refund":
            return list(body["entries"])
        case _:
            return [body]
