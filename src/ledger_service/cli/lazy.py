"""A command group whose commands are imported when they are run, so that `--help` is quick."""

from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, and what the list of commands says about it."""

    module: str
    """Has a `typer.Typer` named `app`."""
    summary: str
    panel: str


class LazyGroup(TyperGroup):
    """Lists its commands without importing them."""

    places: ClassVar[dict[str, Place]] = {}

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        for name, place in self.places.items():
            self.commands[name] = TyperCommand(name, help=place.summary, rich_help_panel=place.panel)

    def resolve_command(self, ctx: typer.Context, args: list[str]):  # type: ignore[no-untyped-def,override]
        """The command itself, imported."""
        name, stub, rest = super().resolve_command(ctx, args)
        if name is None or stub is None:
            return name, stub, rest
        command = get_command(import_module(self.places[name].module).app)
        command.name = name
        return name, command, rest
