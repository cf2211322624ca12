"""An instance of the service that a drill starts for itself, told to use a database of the drill's choosing."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ledger_service.cli.bench.children import ChildFailed, stop, wait_until_alive
from ledger_service.cli.drill.failures import DrillFailure
from ledger_service.embedded.ports import HOST, any_free_port


@dataclass(frozen=True, slots=True)
class OwnInstance:
    """One running instance."""

    url: str
    child: subprocess.Popen[bytes]

    @classmethod
    def start(cls, environment: Mapping[str, str], log: Path, source: Path | None = None) -> "OwnInstance":
        """Start it and wait until it listens. Blocks. `source`: a folder with another version of the package.

        Raises DrillFailure."""
        port = any_free_port()
        path = {} if source is None else {"PYTHONPATH": str(source)}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "ledger_service", "serve", "--host", HOST, "--port", str(port)],
                env={**os.environ, "LEDGER_LOG_LEVEL": "WARNING", **environment, **path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_until_alive(child, f"http://{HOST}:{port}/livez", log)
        except ChildFailed as failed:
            stop(child)
            raise DrillFailure(str(failed)) from None
        return cls(f"http://{HOST}:{port}", child)

    def stop(self) -> None:
        """Stop it in good order. Blocks."""
        stop(self.child)


def pinned(environment: Mapping[str, str], port: int) -> dict[str, str]:
    """The same environment with a database at this one port, whoever else there is."""
    parts = urlsplit(environment["LEDGER_DATABASE_URL"])
    credentials = parts.netloc.rpartition("@")[0]
    netloc = f"{credentials}@{HOST}:{port}"
    return {**environment, "LEDGER_DATABASE_URL": urlunsplit((parts.scheme, netloc, parts.path, "", parts.fragment))}
