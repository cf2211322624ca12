"""Lies: one thing said otherwise in a call of the gate that is right."""

import json
from collections.abc import Callable
from typing import Any

from tests.database.functions.forgery import Arguments, Spoil


def put(name: str, place: int, **values: Any) -> Spoil:
    """Say something else in one row of a list."""
    return lambda arguments: arguments[f"p_{name}"][place].update(values)


def add(name: str, place: int, **more: int) -> Spoil:
    def spoil(arguments: Arguments) -> None:
        said = arguments[f"p_{name}"][place]
        said.update({column: said[column] + value for column, value in more.items()})

    return spoil


def swap(name: str, place: int = 0) -> Spoil:
    """This row after the next one."""

    def spoil(arguments: Arguments) -> None:
        rows = arguments[f"p_{name}"]
        rows[place], rows[place + 1] = rows[place + 1], rows[place]

    return spoil


def again(name: str, place: int = 0) -> Spoil:
    """A row twice, one after the other."""
    return lambda arguments: arguments[f"p_{name}"].insert(place + 1, arguments[f"p_{name}"][place])


def say(name: str, value: Any) -> Spoil:
    return lambda arguments: arguments.__setitem__(name, value)


def all_of(*spoils: Spoil) -> Spoil:
    return lambda arguments: [spoil(arguments) for spoil in spoils]


def many(name: str, total: int) -> Spoil:
    """A list that is too long."""
    return lambda arguments: arguments.update({f"p_{name}": (arguments[f"p_{name}"] * total)[:total]})


# Of the calls that do more


def listed(arguments: Arguments) -> dict[str, Any]:
    """What few batches do."""
    found: dict[str, Any] = json.loads(arguments["p_more"])
    return found


def more(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Change what few batches do."""

    def spoil(arguments: Arguments) -> None:
        said = listed(arguments)
        change(said)
        arguments["p_more"] = json.dumps(said)

    return spoil


def row(name: str, place: int, **values: Any) -> Spoil:
    """Say something else in one row of it."""
    return more(lambda said: said[name][place].update(values))


def no_row(name: str, place: int = 0) -> Spoil:
    return more(lambda said: said[name].pop(place))


def another_row(name: str, place: int = 0, **values: Any) -> Spoil:
    """The row again, but for these values."""
    return more(lambda said: said[name].append(said[name][place] | values))


def of_entry(account_id: str, kind: str, /, *, nth: int = 0, **values: Any) -> Spoil:
    """Say something else of an entry. A value may be a function of what is said."""

    def spoil(arguments: Arguments) -> None:
        account = [row["account_id"] for row in arguments["p_accounts"]].index(account_id) + 1
        rows = [row for row in arguments["p_entries"] if (row["account"], row["kind"]) == (account, kind)]
        _say_of(rows[nth], values)

    return spoil


def of_account(account_id: str, /, **values: Any) -> Spoil:
    def spoil(arguments: Arguments) -> None:
        [said] = [row for row in arguments["p_accounts"] if row["account_id"] == account_id]
        _say_of(said, values)

    return spoil


def _say_of(said: dict[str, Any], values: dict[str, Any]) -> None:
    said.update({name: value(said[name]) if callable(value) else value for name, value in values.items()})


def in_detail(**values: Any) -> Callable[[str | None], str]:
    """The detail of an entry, but for these values; None: without."""

    def changed(detail: str | None) -> str:
        said = json.loads(detail or "{}") | values
        return json.dumps({name: value for name, value in said.items() if value is not None})

    return changed
