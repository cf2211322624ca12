"""The books' configuration, opened by a command: programs and keys, of a database or of a local `dev`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_service.cli.console import Misused
from ledger_service.cli.dev.files import Files
from ledger_service.cli.options import settings_with
from ledger_service.errors import DatabaseUnavailable
from ledger_service.storage.database import Database
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Program, Programs


@dataclass(frozen=True, slots=True)
class Books:
    """Programs and keys of one database."""

    programs: Programs
    keys: Keys

    async def program(self, slug: str) -> Program:
        """A program by its slug. Raises Misused when there is none."""
        program = await self.programs.find(slug)
        if program is None:
            known = ", ".join(one.slug for one in await self.programs.list())
            raise Misused(
                f"There is no program {slug!r}. There are: {known or 'none'}. To make one: programs create {slug}"
            )
        return program


@asynccontextmanager
async def opened_books(data_dir: Path | None) -> AsyncIterator[Books]:
    """The books of the `dev` that keeps its data in `data_dir`, else those of LEDGER_DATABASE_URL.

    Raises Misused, DatabaseUnavailable, SchemaMismatch."""
    if data_dir is None:
        settings = settings_with()
    else:
        files = Files(data_dir)
        settings = settings_with(database_url=files.service_url(), secret=files.secret())
    try:
        async with Database.open(settings.database_url.get_secret_value(), readers=1) as database:
            yield Books(Programs(database), Keys(database, settings.secret.get_secret_value().encode()))
    except DatabaseUnavailable as unavailable:
        place = "LEDGER_DATABASE_URL" if data_dir is None else f"the `ledger-service dev` in {data_dir}"
        raise Misused(f"The database of {place} cannot be reached: {unavailable}. Is it running?") from unavailable
