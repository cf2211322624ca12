"""Check 2: one effect for each key and each order, none for what was refused."""

from collections import Counter
from collections.abc import Iterator, Sequence

from checker.attempts import Command
from checker.books import Row
from checker.findings import ONCE, Finding
from checker.history import History

ENTRIES_OF = {"earn": 1, "redeem": 1, "reverse": 1, "adjust": 1, "hold": 1, "capture": 1, "release": 1, "transfer": 2}
"""How many entries under its key a command makes. Others may make several."""


def once(history: History) -> Iterator[Finding]:
    """Keys and orders with more than one effect, and refusals with one."""
    for key, rows in history.rows_of_key.items():
        yield from _repeated(key, rows)
        command = history.commands.get(key)
        if command is not None:
            yield from _of_command(command, rows)
    for command in history.commands.values():
        outcomes = {attempt.outcome for attempt in command.answered}
        if len(outcomes) > 1:
            yield Finding(ONCE, f"key {command.key}", "was answered both ways", "posted or refused", "both")
    yield from _repeated_orders(history)
    for key, times in Counter(key for key, _ in history.refusals or ()).items():
        if times > 1:
            yield Finding(ONCE, f"key {key}", "kept refusals", "1", str(times))


def _repeated(key: str, rows: Sequence[Row]) -> Iterator[Finding]:
    # The entries of one command are decided at one instant, and no two of them are alike.
    moments = {row.recorded_at for row in rows}
    if len(moments) > 1:
        yield Finding(ONCE, f"key {key}", f"entries at {_places(rows)} were recorded", "at one moment", str(moments))
    alike = Counter((row.account_id, row.kind, row.reverses_seq) for row in rows)
    if any(times > 1 for times in alike.values()):
        yield Finding(ONCE, f"key {key}", "entries of one kind on one account", "1", _places(rows))


def _of_command(command: Command, rows: Sequence[Row]) -> Iterator[Finding]:
    expected = ENTRIES_OF.get(command.kind)
    if expected is not None and len(rows) != expected:
        yield Finding(ONCE, f"key {command.key}", f"entries of one {command.kind}", str(expected), _places(rows))
    if any(attempt.outcome == "refused" for attempt in command.answered):
        yield Finding(ONCE, f"key {command.key}", "was refused", "no entry", _places(rows))
    elif not command.may_have_written:
        yield Finding(ONCE, f"key {command.key}", "was always told that nothing was written", "no entry", _places(rows))


def _repeated_orders(history: History) -> Iterator[Finding]:
    orders: dict[tuple[str, str, str], list[Row]] = {}
    for row in history.books.at.values():
        if row.order_id is not None and row.kind in ("earn", "redeem"):
            orders.setdefault((row.source, row.kind, row.order_id), []).append(row)
    for (source, kind, order_id), rows in orders.items():
        if len(rows) > 1:
            yield Finding(ONCE, f"order {order_id} of {source}", f"{kind} entries", "1", _places(rows))


def _places(rows: Sequence[Row]) -> str:
    shown = ", ".join(f"{row.account_id} seq {row.seq}" for row in rows[:5])
    return f"{len(rows)}: {shown}" + (", …" if len(rows) > 5 else "")
