"""The ledger after healing, read as any caller could read it, into files that the history checker takes."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.cli.drill.recorder import ACCOUNTS, ENTRIES
from ledger_service.cli.drill.wire import NotAnswered, Wire

PAGE = 200
TRIES_MAX = 30
PAUSE_SECONDS = 0.5
READERS = 4
"""Accounts read at the same time: as many as an instance has connections for reads."""

Row = dict[str, Any]


class LedgerExport:
    """Reads accounts through the API. Every call is tried again: it runs right after a fault."""

    def __init__(self, wire: Wire, token: str) -> None:
        self.wire = wire
        self.headers = {"Authorization": f"Bearer {token}", "X-Request-Timeout-Ms": "10000"}

    async def write(self, account_ids: Sequence[str], folder: Path) -> int:
        """Write all entries of these accounts, then their balances; how many entries. Raises DrillFailure."""
        room = asyncio.Semaphore(READERS)

        async def entries(account_id: str) -> list[Row]:
            async with room:
                return await self.entries(account_id)

        async def account(account_id: str) -> Row:
            async with room:
                return await self.account(account_id)

        found = [row for rows in await asyncio.gather(*map(entries, account_ids)) for row in rows]
        write_lines(folder / ENTRIES, found)
        # After the entries: a balance read before them could not be held against them.
        write_lines(folder / ACCOUNTS, await asyncio.gather(*map(account, account_ids)))
        return len(found)

    async def entries(self, account_id: str) -> list[Row]:
        """All entries of one account, newest first."""
        path = f"/v1/accounts/{account_id}/entries?limit={PAGE}"
        rows: list[Row] = []
        cursor = ""
        while True:
            page = await self.get(path + cursor)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            cursor = f"&cursor={quote(page['next_cursor'], safe='')}"

    async def account(self, account_id: str) -> Row:
        """Balance and status of one account, as one row."""
        balance = await self.get(f"/v1/accounts/{account_id}/balance")
        status = (await self.get(f"/v1/accounts/{account_id}"))["status"]
        return {**balance, "status": status}

    async def get(self, path: str) -> Any:
        """A GET, tried again until it is answered with 200. Raises DrillFailure."""
        said = ""
        for _ in range(TRIES_MAX):
            try:
                reply = await self.wire.ask("GET", path, self.headers, b"", 11.0)
            except NotAnswered as failure:
                said = failure.reason
            else:
                if reply.status == 200:
                    return json.loads(reply.body)
                said = reply.body.decode(errors="replace")[:300]
            await asyncio.sleep(PAUSE_SECONDS)
        raise DrillFailure(f"The ledger cannot be read after healing: GET {path}: {said}")


def write_lines(path: Path, rows: Iterable[Row]) -> None:
    """One JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
