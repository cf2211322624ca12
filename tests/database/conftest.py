"""Where the data of an embedded Postgres may lie."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import enterable_directory


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every account may enter, whatever umask or temporary directory this run has."""
    path = Path(tempfile.mkdtemp(prefix="ledger-", dir=enterable_directory()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=["open", "private"])
def data_dir(request: pytest.FixtureRequest, open_dir: Path) -> Path:
    """A data directory yet to be made: where everyone may go, and below one that only we may enter."""
    if request.param == "open":
        return open_dir / "data"
    private = open_dir / "private"
    private.mkdir(mode=0o700)
    return private / "data"
