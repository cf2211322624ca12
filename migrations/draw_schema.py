"""Draws `schema.sql`: the whole schema as the migrations leave it, in one file to be read.

python migrations/draw_schema.py
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ledger_service.embedded import EmbeddedPostgres
from ledger_service.storage.migrations import migrate

PICTURE = Path(__file__).with_name("schema.sql")
HEADER = """\
-- The schema `ledger`, drawn from the migrations by `make schema`. To be read, not to be run or edited.
-- squawk-ignore-file
"""


def picture_of(bin_dir: Path, url: str) -> str:
    """The schema of this database as SQL, the same for the same schema."""
    command = [bin_dir / "pg_dump", "--schema-only", "--schema=ledger", "--no-comments", url]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Nothing of the server it was drawn on, and none of what only a restore needs.
    lines = [line for line in drawn.splitlines() if not re.match(r"--|SET |\\|SELECT pg_catalog\.set_config", line)]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    # No function has two forms: its name is enough where it is only mentioned.
    text = re.sub(r"^((?:ALTER|GRANT|REVOKE) .*FUNCTION ledger\.\w+)\(.*\)", r"\1", text, flags=re.MULTILINE)
    return f"{HEADER}\n{text.strip()}\n"


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ledger-schema-") as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as postgres,
    ):
        migrate(postgres.url())
        PICTURE.write_text(picture_of(postgres.bin_dir, postgres.url()))
    sys.stdout.write(f"drawn: {PICTURE}\n")


if __name__ == "__main__":
    main()
