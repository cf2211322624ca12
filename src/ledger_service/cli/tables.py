"""Lists: a table in a terminal, tab-separated lines elsewhere."""

from collections.abc import Iterable, Sequence

from ledger_service.cli.console import is_terminal, say_line


def show(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header."""
    if not is_terminal():
        for row in (header, *rows):
            say_line("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
