"""One SQL function for each request: behind an ordinary FastAPI route, and called by pgbench, on the same database."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.cli.bench.children import listening
from ledger_service.cli.bench.contenders import Contender
from ledger_service.cli.bench.pgbench import Pgbench
from ledger_service.cli.dev.database import run_sql
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST, any_free_port

DATABASE = "one_function"
TPCB_DATABASE = "tpcb"
FILES = ("tables.sql", "earn.sql", "accounts.sql")


@contextmanager
def the_one_function(postgres: EmbeddedPostgres, directory: Path, folder: Path, accounts: int) -> Iterator[Contender]:
    """The route under uvicorn, tuned as the service is: uvloop, httptools, no access log.

    Raises ChildFailed, EmbeddedFailure."""
    token, port = secrets.token_hex(32), any_free_port()
    run_sql(postgres, "postgres", f"CREATE DATABASE {DATABASE}")
    for name in FILES:
        run_sql(postgres, DATABASE, (folder / "one_function" / name).read_text(), accounts=str(accounts))
    url = postgres.url(DATABASE)
    environment = {"PYTHONPATH": str(folder), "ONE_FUNCTION_DATABASE_URL": url, "ONE_FUNCTION_API_KEY": token}
    arguments = [sys.executable, "-m", "uvicorn", "one_function.application:app", "--host", HOST, "--port", str(port)]
    arguments += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with listening(arguments, environment, directory / "one-function.log", f"http://{HOST}:{port}/livez") as pid:
        yield Contender("one function per request", port, token, pid, url, "public")


def pgbench_of_function(postgres: EmbeddedPostgres, folder: Path) -> Pgbench:
    """pgbench calling the function itself."""
    return Pgbench(Path(postgres.bin_dir) / "pgbench", postgres.url(DATABASE), folder / "one_function" / "earn.pgbench")


def pgbench_of_its_own(postgres: EmbeddedPostgres, accounts: int) -> Pgbench:
    """pgbench with its own tables, in a database of their own. Raises ChildFailed, EmbeddedFailure."""
    run_sql(postgres, "postgres", f"CREATE DATABASE {TPCB_DATABASE}")
    own = Pgbench(Path(postgres.bin_dir) / "pgbench", postgres.url(TPCB_DATABASE), None)
    own.initialize(accounts)
    return own
