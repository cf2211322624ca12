"""Rows: which scenario is asked of whom by how many callers. Everything of a run is one list of them."""

from collections.abc import Iterator
from dataclasses import dataclass

SERVICE = "ledger-service"
TWO_PROCESSES = "ledger-service, 2 processes"
USUAL_WAY = "the usual way"
ONE_FUNCTION = "one function per request"
PGBENCH = "pgbench, one function"
TPCB = "pgbench -N"
SMALLEST = "ledger-service, smallest books"

CONCURRENCIES = (1, 8, 32, 64, 128)
FUNCTION_CLIENTS = (1, 8, 32)

MOST = 128
"""Connections at which the service is compared with itself."""

BULKS_AT_A_TIME = 2
"""As many operations as the queue of the service holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    scenario: str
    entrant: str
    connections: int

    def __str__(self) -> str:
        return f"{self.scenario}, {self.entrant}, {self.connections}"


def all_rows() -> Iterator[Row]:
    """Everything that is measured in closed loops, in the order of a round: what is compared stands together."""
    for connections in CONCURRENCIES:
        for entrant in (SERVICE, USUAL_WAY, ONE_FUNCTION):
            yield Row("earn", entrant, connections)
        if connections in FUNCTION_CLIENTS:
            yield Row("earn", PGBENCH, connections)
    yield Row("earn", TWO_PROCESSES, MOST)
    yield Row("tpcb", TPCB, 32)
    yield Row("hot", SERVICE, MOST)
    yield Row("hot", PGBENCH, 32)
    for entrant in (USUAL_WAY, ONE_FUNCTION):
        yield Row("hot", entrant, 64)
    for entrant in (SERVICE, USUAL_WAY, ONE_FUNCTION):
        yield Row("balance", entrant, 64)
    yield Row("shop", SERVICE, MOST)
    yield Row("programs", SERVICE, MOST)
    yield Row("bulk", SERVICE, BULKS_AT_A_TIME)


def rows_of(scenario: str, connections: int | None, processes: int) -> tuple[Row, ...]:
    """One scenario of the service alone; with two processes the same of both."""
    callers = connections or (BULKS_AT_A_TIME if scenario == "bulk" else 64)
    one, two = Row(scenario, SERVICE, callers), Row(scenario, TWO_PROCESSES, callers)
    return (one,) if processes == 1 else (one, two)
