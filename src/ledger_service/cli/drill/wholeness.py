"""What no caller is shown, and the checker can use: the movements of each entry, and the refusals that are kept."""

import json
from pathlib import Path

from ledger_service.cli.drill.ledger_export import write_lines
from ledger_service.cli.drill.recorder import ENTRIES
from ledger_service.cli.psql import Psql

REFUSALS = "refusals.jsonl"

COLUMNS = """
SELECT json_build_object('account_id', account_id, 'seq', seq, 'program_id', program_id,
    'movements', movements::text, 'detail', detail::text)
FROM ledger.entry WHERE starts_with(account_id, '{run}-');
"""
KEPT_REFUSALS = """
SELECT json_build_object('key', idempotency_key, 'code', detail->>'code')
FROM ledger.outcome WHERE form = 'refused' AND starts_with(idempotency_key, '{run}-');
"""


def write_database_columns(psql: Psql, run: str, folder: Path) -> None:
    """Add to the exported entries what their hashes cover, and write the kept refusals. Raises PsqlFailed.

    Only what the export has is added to: an entry that the API does not show stays unseen here too."""
    hidden = {}
    for line in psql.run(COLUMNS.format(run=run)).splitlines():
        row = json.loads(line)
        hidden[row["account_id"], row["seq"]] = row
    path = folder / ENTRIES
    with path.open(encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    write_lines(path, [{**entry, **hidden.get((entry["account_id"], entry["seq"]), {})} for entry in entries])
    refusals = psql.run(KEPT_REFUSALS.format(run=run)).splitlines()
    write_lines(folder / REFUSALS, [json.loads(line) for line in refusals])
