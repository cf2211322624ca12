import importlib.util
import os
from pathlib import Path

import pytest

from ledger_service.cli.cluster import installed
from ledger_service.cli.cluster.failures import ClusterFailure
from ledger_service.cli.cluster.installed import find_daemons, require_extra


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which systems keep daemons."""
    monkeypatch.setattr(installed, "SYSTEM_PLACES", str(tmp_path))
    return tmp_path


def test_what_is_missing_is_named_with_the_line_that_installs_it(places: Path):
    program(places, "etcd")
    with pytest.raises(ClusterFailure, match="needs haproxy: apt-get install etcd-server haproxy"):
        find_daemons("")


def test_daemons_are_found_where_systems_keep_them_though_that_is_not_on_the_path(places: Path):
    expected = (str(program(places, "etcd")), str(program(places, "haproxy")))
    assert find_daemons(os.devnull) == expected


def test_a_missing_extra_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "patroni" else object())
    with pytest.raises(ClusterFailure, match=r"needs patroni: pip install 'ledger-service\[cluster\]'"):
        require_extra()
