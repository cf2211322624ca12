"""The field: all who are measured in one run, up at the same time on one Postgres, with all accounts open."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ledger_service.cli.bench.clients import Client
from ledger_service.cli.bench.contenders import Contender, Deployment, open_accounts, the_usual_way
from ledger_service.cli.bench.entrants import Entrant, Members, by_pgbench, over_http
from ledger_service.cli.bench.measuring import Say
from ledger_service.cli.bench.one_function import pgbench_of_function, pgbench_of_its_own, the_one_function
from ledger_service.cli.bench.rounds import Plan
from ledger_service.cli.bench.rows import ONE_FUNCTION, PGBENCH, SERVICE, TPCB, TWO_PROCESSES, USUAL_WAY
from ledger_service.embedded import EmbeddedPostgres

POSTGRES_SETTINGS = {"max_connections": "200"}
"""All who are measured keep their connections while others are: more than the hundred of the default."""


@dataclass(frozen=True, slots=True)
class Field:
    """All who are there to be measured."""

    entrants: Mapping[str, Entrant]
    contenders: Mapping[str, Contender]
    """Those with HTTP, by the same names; of two processes one stands for both, since they share their books."""
    members: Members


@contextmanager
def the_field(
    plan: Plan, postgres: EmbeddedPostgres, directory: Path, folder: Path, client: Client, say: Say
) -> Iterator[Field]:
    """Everyone who is in a row, up, with all accounts open; the service always. Raises EmbeddedFailure, ChildFailed."""
    accounts = plan.accounts
    wanted = {row.entrant for row in plan.rows}
    with ExitStack() as opened:
        say(f"Opening {accounts:,} accounts for each of all who are measured, on Postgres {postgres.version}.")
        deployment = Deployment.prepare(postgres)
        service = opened.enter_context(deployment.running(directory))
        asyncio.run(open_accounts(service.url, service.token, accounts))
        members = Members(accounts, keys=plan.keys)
        if any(row.scenario == "programs" for row in plan.rows):
            say(f"Opening as many accounts in {plan.programs:,} programs.")
            each = max(1, accounts // plan.programs)
            tokens = deployment.more_programs(service.url, "shop", plan.programs, each)
            members = replace(members, programs=tokens, accounts_per_program=each)
        entrants = [over_http(SERVICE, (service,), members, client)]
        contenders = {SERVICE: service}
        if TWO_PROCESSES in wanted:
            second = opened.enter_context(deployment.running(directory))
            entrants.append(over_http(TWO_PROCESSES, (service, second), members, client))
        if USUAL_WAY in wanted:
            usual = opened.enter_context(the_usual_way(postgres, directory, folder, accounts))
            entrants.append(over_http(USUAL_WAY, (usual,), members, client))
            contenders[USUAL_WAY] = usual
        if wanted & {ONE_FUNCTION, PGBENCH}:
            function = opened.enter_context(the_one_function(postgres, directory, folder, accounts))
            entrants.append(over_http(ONE_FUNCTION, (function,), members, client))
            entrants.append(by_pgbench(PGBENCH, pgbench_of_function(postgres, folder), members))
            contenders[ONE_FUNCTION] = function
        if TPCB in wanted:
            entrants.append(by_pgbench(TPCB, pgbench_of_its_own(postgres, accounts), members))
        yield Field({one.name: one for one in entrants}, contenders, members)


def books_of(entrant: str) -> str:
    """Whose books an entrant writes into: some have none of their own."""
    return {TWO_PROCESSES: SERVICE, PGBENCH: ONE_FUNCTION}.get(entrant, entrant)
