"""Slots: how frozen values are made at half the cost."""

from dataclasses import MISSING, Field, fields
from functools import update_wrapper
from typing import Any, TypeVar

Value = TypeVar("Value")


def through_slots(kind: type[Value]) -> type[Value]:
    """Let a frozen dataclass with slots write its fields straight into these when a value is made.

    The `__init__` of a frozen dataclass looks every field up by its name, past the `__setattr__` that forbids writing:
    70 ns a field, and a posting makes values of more than a hundred fields together. Asking the slot itself takes half
    of that. Arguments, defaults and all else stay as they are; the value is as frozen as before.

    Raises TypeError for what this does not provide for: a `__post_init__`, or a field that is no argument.
    """
    declared: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]  # only dataclasses come here
    if hasattr(kind, "__post_init__") or not all(field.init for field in declared):
        raise TypeError(f"{kind.__name__} does more than keep its arguments when it is made")
    # Globals of the function that is made: read faster than a closure's variables.
    names: dict[str, Any] = {"MISSING": MISSING}
    arguments = ["self"]
    by_name: list[str] = []
    lines: list[str] = []
    for field in declared:
        name, value, argument = field.name, field.name, field.name
        names[f"set_{name}"] = getattr(kind, name).__set__
        if field.default_factory is not MISSING:
            names[f"make_{name}"] = field.default_factory
            value, argument = f"make_{name}() if {name} is MISSING else {name}", f"{name}=MISSING"
        elif field.default is not MISSING:
            names[f"default_{name}"] = field.default
            argument = f"{name}=default_{name}"
        (by_name if field.kw_only else arguments).append(argument)
        lines.append(f" set_{name}(self, {value})")
    if by_name:
        arguments += ["*", *by_name]
    # Written out, as `dataclass` does it: a loop over the fields would cost more than it saves.
    exec("\n".join([f"def __init__({', '.join(arguments)}):", *lines]), names)  # noqa: S102 - of the names of fields only
    kind.__init__ = update_wrapper(names["__init__"], kind.__init__)  # type: ignore[method-assign]
    return kind
