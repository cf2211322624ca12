"""Fixtures every folder of tests may use. What is more than a line or two is in a module beside this one."""

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests.servers import TestDatabase, TestServer, cloning, open_server, open_template

# The laws of the books have numbers of their own. LEDGER_EXAMPLES is for a night.
settings.register_profile(
    "suite",
    max_examples=int(os.environ.get("LEDGER_EXAMPLES", "40")),
    deadline=None,
    derandomize="LEDGER_EXAMPLES" not in os.environ,
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A real Postgres for the whole run."""
    with open_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: TestServer) -> Iterator[str]:
    """The name of a database with our schema, to be cloned."""
    with open_template(postgres) as name:
        yield name


@pytest.fixture
def clone_database(postgres: TestServer, template_database: str) -> Iterator[Callable[[], TestDatabase]]:
    """Makes as many databases as the test asks for."""
    with cloning(postgres, template_database) as clone:
        yield clone


@pytest.fixture(scope="session")
def shared_database(postgres: TestServer, template_database: str) -> Iterator[TestDatabase]:
    """A database for tests that make programs of their own in it and ask for nothing else: programs cannot see each
    other, and a database takes longer to make than most of these tests to run."""
    with cloning(postgres, template_database) as clone:
        yield clone()


@pytest.fixture
def database(clone_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database with our schema, for this test alone."""
    return clone_database()
