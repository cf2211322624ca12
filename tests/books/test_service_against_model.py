"""The whole service against the naive books: any requests, keys used again, and several at the same moment.

A round is sent all at once. The answers are right when there is an order of the round's requests, one after the other,
in which the naive books give exactly these answers: status, code, seq, points, balance, and what the books lacked.
Where several orders do, each is followed, so no later answer is refused because of an order that we guessed. A request
that changes nothing (a balance, an entry, a card) has its place in that order too: it may not see a half-done change,
nor books older than an answer that was there before it was asked. Between rounds the program's clock moves.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.commands import (
    Adjust,
    Command,
    Earn,
    OpenAccount,
    Redeem,
    Reverse,
    SetStatus,
    Together,
)
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.program import ProgramSettings
from tests.api.shop import opening_shop
from tests.books.commands import (
    Named,
    about_orders,
    firsts,
    held,
    joins,
    postings,
    statuses,
    tiers,
    transfers,
    weighted,
)
from tests.books.programs import document_of, programs
from tests.books.requests import Read, Request, Step
from tests.books.service import Ask, Reply, Round, World, asked_over_http, card, play
from tests.builders import NOON, attach, open_account, together
from tests.instances import make_program, starting_instances
from tests.servers import TestDatabase
from tests.verified import assert_verifies

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "75"))
"""Histories in one process; on real processes a fifth of it."""

HOURS = [0, 0, 1, 12, 24, 24, 36, 24 * 14, 24 * 40]

_account = st.sampled_from([*"aaaab", "c"])
_cards = st.builds(card, st.sampled_from(["1111", "2222"]))
_seq = st.integers(1, 6)

_moves = weighted((postings, 12), (held, 6), (about_orders, 4), (transfers, 2), (joins, 1), (tiers, 1))
_memberships = st.one_of(
    statuses,
    st.builds(open_account, _account, identifiers=st.lists(_cards, max_size=1)),
    st.builds(attach, _cards, account_id=_account),
)
_bulks = st.lists(_moves, min_size=1, max_size=3).map(lambda commands: together(*commands))
_reads = st.one_of(
    st.builds(Read, _account),
    st.builds(Read, _account, seq=_seq),
    st.builds(Read, card=st.sampled_from(["1111", "2222"])),
)
_steps = weighted((_moves, 12), (_memberships, 2), (_bulks, 2), (_reads, 3))

_firsts = st.lists(firsts, max_size=3)
_drawn = st.lists(st.tuples(_steps, st.integers(0, 24)), min_size=1, max_size=4)
_rounds = st.lists(st.tuples(st.sampled_from(HOURS), _drawn), min_size=1, max_size=6)


@st.composite
def rounds(draw: Any) -> list[Round]:
    """Two accounts, then rounds of up to four requests. A request is sometimes sent again, in the same round or later,
    and its key is sometimes used for another one, or for nearly the same."""
    named = Named()
    asked = [asked_over_http(open_account(account_id)) for account_id in "ab"]
    drawn_rounds = [Round(0, list(asked))]
    for first in draw(_firsts):
        asked.append(asked_over_http(named.naming(first)))
        drawn_rounds.append(Round(0, [asked[-1]]))
    for hours, drawn in draw(_rounds):
        steps: list[Step] = []
        for step, again in drawn:
            if isinstance(step, Command):
                step = _sometimes_again(asked_over_http(named.naming(step)), asked, again)  # noqa: PLW2901 - not the drawn one
                asked += [*step.commands, step] if isinstance(step, Together) else [step]
            steps.append(step)
        drawn_rounds.append(Round(hours, steps))
    return drawn_rounds


def _sometimes_again(command: Command, asked: list[Command], again: int) -> Command:
    if again >= 8 or not asked:
        return command
    earlier = asked[-1 - again % 4 % len(asked)]
    if again >= 4:
        return earlier
    if again >= 2:
        return replace(command, key=earlier.key)
    return nearly(earlier)


def nearly(command: Command) -> Command:
    """A request that differs in one field, under the same key."""
    match command:
        case Earn() | Redeem() | Adjust():
            command = replace(
                command,
                points=(command.points or 0) + 1 or 1,
                **({"purchase": None} if isinstance(command, Earn) else {}),
            )
        case Reverse() | SetStatus():
            command = replace(command, reason=f"{command.reason}, again")
        case OpenAccount():
            command = replace(command, account_id="c" if command.account_id != "c" else "a")
        case Together():
            command = replace(command, commands=command.commands[:-1] or (*command.commands, *command.commands))
    return asked_over_http(command)


def law(examples: int) -> settings:
    return settings(
        settings.get_profile("books"),
        max_examples=examples,
        # Not made smaller when one fails: every try is a whole history over HTTP.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        # The fixture is a whole service; every example has a program of its own in it.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def asker(client: httpx2.AsyncClient, token: str) -> Ask:
    """Asks one instance with one API key."""

    async def ask(asked: Request, key: str | None) -> Reply:
        method, path, body = asked
        headers = {"Authorization": f"Bearer {token}", "X-Request-Timeout-Ms": "10000"}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = await client.request(method, path, json=body, headers=headers)
        said = answer.json() if answer.content else None
        return Reply(answer.status_code, said, answer.headers.get("Idempotent-Replayed") == "true")

    return ask


async def new_program(operator: Ask, program: ProgramSettings) -> str:
    """An admin key of a program with these settings."""
    body = {"slug": uuid4().hex, "mode": "test", "settings": document_of(program), "clock": rfc3339(NOON)}
    reply = await operator(("POST", "/v1/programs", body), uuid4().hex)
    assert reply.status == 201, reply
    return str(reply.body["api_key"])


async def check(
    program: ProgramSettings, history: list[Round], clients: list[httpx2.AsyncClient], operator: str
) -> None:
    """Play the history, then compare everything that the books hold with the model."""
    token = await new_program(asker(clients[0], operator), program)
    askers = [asker(client, token) for client in clients]
    world = await play(program, history, askers)
    await compare_books(world, askers[0])


async def compare_books(world: World, ask: Ask) -> None:
    for account_id, account in world.reference.accounts.items():
        history = await ask(("GET", f"/v1/accounts/{account_id}/entries?limit=200", None), None)
        told = [(entry["kind"], entry["points"]) for entry in reversed(history.body["data"])]
        assert told == [(line.kind, line.points) for line in account.lines]
        lots = await ask(("GET", f"/v1/accounts/{account_id}/lots", None), None)
        assert sum(lot["points"] for lot in lots.body) == len(account.points)
        view = await ask(("GET", f"/v1/accounts/{account_id}", None), None)
        assert view.body["status"] == account.status


@pytest.fixture
async def one_instance(database: TestDatabase) -> AsyncIterator[tuple[list[httpx2.AsyncClient], str]]:
    """The application in this process, and an operator's key."""
    async with opening_shop(database.service_url) as shop:
        operator = await shop.key("operator")
        yield [shop.client], operator.token
    await assert_verifies(database.read_url)


@law(EXAMPLES)
@given(program=programs, history=rounds())
async def test_every_answer_of_the_service_is_one_that_requests_one_after_the_other_would_get(
    one_instance: tuple[list[httpx2.AsyncClient], str], program: ProgramSettings, history: list[Round]
):
    clients, operator = one_instance
    await check(program, history, clients, operator)


@pytest.fixture
async def two_instances(database: TestDatabase, tmp_path: Path) -> AsyncIterator[tuple[list[httpx2.AsyncClient], str]]:
    """Two operating system processes on one database, and an operator's key."""
    program = await make_program(database.service_url, "operators", {}, "operator")
    with starting_instances(database.service_url, tmp_path) as start:
        async with AsyncExitStack() as stack:
            urls = [instance.url for instance in await asyncio.gather(*(asyncio.to_thread(start) for _ in range(2)))]
            clients = [httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) for url in urls]
            yield [await stack.enter_async_context(client) for client in clients], program.token
    await assert_verifies(database.read_url)


@law(max(1, EXAMPLES // 5))
@given(program=programs, history=rounds())
async def test_every_answer_of_two_instances_is_one_that_requests_one_after_the_other_would_get(
    two_instances: tuple[list[httpx2.AsyncClient], str], program: ProgramSettings, history: list[Round]
):
    clients, operator = two_instances
    await check(program, history, clients, operator)
