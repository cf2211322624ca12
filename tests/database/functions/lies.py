"""Lies: one thing said otherwise in a call of the gate that is right."""

import json
from collections.abc import Callable
from typing import Any

from tests.database.functions.forgery import Arguments, Spoil


def put(name: str, place: int, value: Any) -> Spoil:
    """Say something else in one place of a list."""
    return lambda arguments: arguments[name].__setitem__(place, value)


def add(name: str, place: int, value: int) -> Spoil:
    return lambda arguments: arguments[name].__setitem__(place, arguments[name][place] + value)


def say(name: str, value: Any) -> Spoil:
    return lambda arguments: arguments.__setitem__(name, value)


def all_of(*spoils: Spoil) -> Spoil:
    return lambda arguments: [spoil(arguments) for spoil in spoils]


def many(prefix: str, total: int) -> Spoil:
    """Lists of one kind, too long."""
    return lambda arguments: arguments.update(
        {name: (values * total)[:total] for name, values in arguments.items() if name.startswith(prefix)}
    )


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


def of_entry(account_id: str, kind: str, name: str, value: Any, *, nth: int = 0) -> Spoil:
    """Say something else of an entry. `value` may be a function of what is said."""

    def spoil(arguments: Arguments) -> None:
        account = arguments["a_account_ids"].index(account_id) + 1
        pairs = list(zip(arguments["e_accounts"], arguments["e_kinds"], strict=True))
        place = [place for place, pair in enumerate(pairs) if pair == (account, kind)][nth]
        said = arguments[name]
        said[place] = value(said[place]) if callable(value) else value

    return spoil


def of_account(account_id: str, name: str, value: Any) -> Spoil:
    def spoil(arguments: Arguments) -> None:
        place = arguments["a_account_ids"].index(account_id)
        said = arguments[name]
        said[place] = value(said[place]) if callable(value) else value

    return spoil


def in_detail(**values: Any) -> Callable[[str | None], str]:
    """The detail of an entry, but for these values; None: without."""

    def changed(detail: str | None) -> str:
        said = json.loads(detail or "{}") | values
        return json.dumps({name: value for name, value in said.items() if value is not None})

    return changed
