"""A history: all that a folder holds, as frozen values."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from checker.attempts import Attempt, Command, Document, attempt_of, commands_of
from checker.books import Books, Row, Shown, books_of, row_of, shown_of


class Unreadable(Exception):
    """A file is missing, or a line of it is not what README.md says."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something was broken, or mended, at this instant of the recorder's clock."""

    at_ns: int
    name: str
    is_injected: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """When an entry can have been written."""

    began_ns: int | None
    """Nobody had asked for it before; None: unknown, or nobody asks for such an entry."""
    known_ns: int | None
    """Somebody was answered that it is there; None: nobody was."""


@dataclass(frozen=True)
class History:
    """What clients saw, and the books in the end."""

    attempts: tuple[Attempt, ...] | None
    """None: nobody recorded any, as with an export of a production ledger."""
    books: Books
    accounts: dict[str, Shown]
    opening: Mapping[str, int]
    replicas: Mapping[str, tuple[Row, ...]]
    refusals: tuple[tuple[str, str], ...] | None
    """Key and code of the kept refusals."""
    faults: tuple[Fault, ...]

    @cached_property
    def commands(self) -> dict[str, Command]:
        """By key."""
        return commands_of(self.attempts or ())

    @cached_property
    def reads(self) -> tuple[Attempt, ...]:
        """The balances that were answered, by the time they were asked for."""
        found = (a for a in self.attempts or () if a.is_read and a.outcome == "ok" and a.body is not None)
        return tuple(sorted(found, key=lambda attempt: attempt.invoke_ns))

    @cached_property
    def rows_of_key(self) -> dict[str, list[Row]]:
        """The entries under each key, account by account."""
        rows: dict[str, list[Row]] = {}
        for book in self.books.accounts.values():
            for row in book:
                if row.key is not None:
                    rows.setdefault(row.key, []).append(row)
        return rows

    @cached_property
    def seen(self) -> dict[tuple[str, int], Seen]:
        """By account and seq: of every entry that somebody asked for or was told of."""
        known: dict[tuple[str, int], int] = {}
        for command in self.commands.values():
            for attempt in command.answered:
                for name in attempt.named():
                    if attempt.complete_ns is not None:
                        known[name] = min(attempt.complete_ns, known.get(name, attempt.complete_ns))
        seen = {}
        for name, row in self.books.at.items():
            command_of_row = None if row.key is None else self.commands.get(row.key)
            began_ns = None if command_of_row is None else command_of_row.began_ns
            if began_ns is not None or name in known:
                seen[name] = Seen(began_ns, known.get(name))
        return seen


def history_of(
    entries: Iterable[Document],
    accounts: Iterable[Document],
    attempts: Iterable[Document] | None = None,
    opening: Iterable[Document] = (),
    replica_entries: Iterable[Document] = (),
    refusals: Iterable[Document] | None = None,
    faults: Iterable[Document] = (),
) -> History:
    """The history that these lines are. Raises KeyError or ValueError when one cannot be."""
    replicas: dict[str, list[Row]] = {}
    for line in replica_entries:
        replicas.setdefault(line.get("node") or "replica", []).append(row_of(line))
    return History(
        attempts=None if attempts is None else tuple(map(attempt_of, attempts)),
        books=books_of(map(row_of, entries)),
        accounts={line["account_id"]: shown_of(line) for line in accounts},
        opening={line["account_id"]: line["seq"] for line in opening},
        replicas={node: tuple(rows) for node, rows in replicas.items()},
        refusals=None if refusals is None else tuple((line["key"], line["code"]) for line in refusals),
        faults=tuple(
            sorted(
                (Fault(line["at_ns"], line["fault"], line["what"] == "injected") for line in faults),
                key=lambda fault: fault.at_ns,
            )
        ),
    )


def read_history(folder: Path) -> History:
    """The history in a folder. Raises Unreadable."""
    reader = _Reader(folder)
    try:
        return history_of(
            entries=reader.lines("entries.jsonl"),
            accounts=reader.lines("accounts.jsonl"),
            attempts=reader.lines_if_there("attempts.jsonl"),
            opening=reader.lines_if_there("opening.jsonl") or (),
            replica_entries=reader.lines_if_there("replica_entries.jsonl") or (),
            refusals=reader.lines_if_there("refusals.jsonl"),
            faults=reader.lines_if_there("faults.jsonl") or (),
        )
    except FileNotFoundError as missing:
        raise Unreadable(f"there is no {missing.filename}") from None
    except (KeyError, ValueError, TypeError, AttributeError) as wrong:
        raise Unreadable(f"{reader.where}: {wrong!r}") from wrong


class _Reader:
    """Reads lines, and knows which one it read last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = str(folder)

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        with (self.folder / name).open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                self.where = f"{name} line {number}"
                if not line.isspace():
                    yield json.loads(line)

    def lines_if_there(self, name: str) -> Iterable[Document] | None:
        return self.lines(name) if (self.folder / name).exists() else None
