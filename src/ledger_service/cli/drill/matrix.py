"""All faults by name, and the short selection that runs with every change."""

from collections.abc import Mapping

from ledger_service.cli.console import Misused
from ledger_service.cli.drill.faults.fault import Fault
from ledger_service.cli.drill.faults.storm import SINGLE, STORM

FAULTS: Mapping[str, Fault] = {
    fault.name.lower(): fault for fault in sorted((*SINGLE, STORM), key=lambda one: one.name)
}

SHORT = ("F01", "F24", "F27", "F30", "F32", "F33", "F34", "F36")
"""`all-short`: what runs with every change, in at most 6 minutes."""

SHORT_SECONDS = 5.0
"""How long faults that last are held in the short selection."""


def fault_named(name: str) -> Fault:
    """The fault of this name, in either case. Raises Misused."""
    fault = FAULTS.get(name.lower())
    if fault is None:
        raise Misused(f"There is no fault {name!r}. `ledger-service drill --list` shows all.")
    return fault
