"""What `dev` keeps in its data directory beside Postgres: the passwords and keys of this one instance."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ledger_service.cli.console import Misused

DATABASE = "ledger"
ROLE = "ledger_service"


def default_directory() -> Path:
    """Where `dev` keeps its data unless told otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/ledger-service")
    return platformdirs.user_data_path("ledger-service")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one `dev` instance."""

    directory: Path

    @property
    def api_key(self) -> Path:
        """The key that `dev` prints."""
        return self.directory / "api-key"

    def service_password(self) -> str:
        """The password of the role the service connects as, made when missing."""
        return kept(self.directory / "service-password", lambda: secrets.token_urlsafe(24))

    def secret(self) -> str:
        """The pepper of all keys and identifiers, made when missing."""
        return kept(self.directory / "secret", lambda: secrets.token_hex(32))

    def service_url(self) -> str:
        """Where the database of a running instance is. Raises Misused when there never was one here."""
        try:
            port = int((self.directory / "port").read_text())
        except (OSError, ValueError):
            raise Misused(
                f"There is no `ledger-service dev` in {self.directory}. Start one, or name its --data-dir."
            ) from None
        return f"postgresql://{ROLE}:{self.service_password()}@127.0.0.1:{port}/{DATABASE}"


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says, or, when there is none, what `make` says, from now on kept in it."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        text = make()
        keep(path, text)
        return text


def keep(path: Path, text: str) -> None:
    """Write a file that only we can read, all of it or nothing."""
    unfinished = path.with_name(f"{path.name}.new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
