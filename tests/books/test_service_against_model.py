"""The whole service against the sequential model: any requests, keys used again, and several at the same moment.

A round is sent all at once. The answers are right when there is an order of the round's requests, one after the other,
in which the model gives exactly these answers: status, code, seq, points, balance, and what the books lacked. Where
several orders do, each is followed, so no later answer is refused because of an order that we guessed. A request that
changes nothing (a balance, an entry, a card) has its place in that order too: it may not see a half-done change, nor
books older than an answer that was there before it was asked.
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
from hypothesis import HealthCheck, given, settings
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
from ledger_service.ledger.program import ProgramSettings
from tests.api.shop import opening_shop
from tests.books.commands import programs, weighted
from tests.books.service import (
    Ask,
    Read,
    Reply,
    Step,
    World,
    card,
    fingerprinted,
    play,
    settings_document,
)
from tests.builders import adjust, attach, earn, open_account, redeem, reverse, set_status, together
from tests.instances import make_program, starting_instances
from tests.servers import TestDatabase
from tests.verified import assert_verifies

EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "250"))
"""Histories in one process; on real processes a fifth of it."""

_account = st.sampled_from([*"aaaab", "c"])
_order = st.sampled_from([None, None, None, "A-1", "A-2"])
_cards = st.builds(card, st.sampled_from(["1111", "2222"]))
_seq = st.integers(1, 6)

_postings = weighted(
    (st.builds(earn, st.integers(1, 30), account_id=_account, order_id=_order), 4),
    (st.builds(redeem, st.integers(1, 20), account_id=_account, order_id=_order), 4),
    (st.builds(reverse, _seq, st.none() | st.integers(1, 12), account_id=_account), 3),
    (
        st.builds(
            adjust,
            st.integers(1, 20) | st.integers(-20, -1),
            account_id=_account,
            allow_negative=st.booleans(),
        ),
        1,
    ),
)
_memberships = st.one_of(
    st.builds(set_status, st.sampled_from(["active", "active", "suspended", "closed"]), account_id=_account),
    st.builds(open_account, _account, identifiers=st.lists(_cards, max_size=1)),
    st.builds(attach, _cards, account_id=_account),
)
_bulks = st.lists(_postings, min_size=1, max_size=3).map(lambda commands: together(*commands))
_reads = st.one_of(
    st.builds(Read, _account),
    st.builds(Read, _account, seq=_seq),
    st.builds(Read, card=st.sampled_from(["1111", "2222"])),
)
_steps = weighted((_postings, 12), (_memberships, 2), (_bulks, 2), (_reads, 3))


@st.composite
def rounds(draw: Any) -> list[list[Step]]:
    """Two accounts, then rounds of up to four requests. A request is sometimes sent again, in the same round or later,
    and its key is sometimes used for another one, or for nearly the same."""
    opening: list[Step] = [fingerprinted(open_account(account_id)) for account_id in "ab"]
    asked = [step for step in opening if isinstance(step, Command)]
    drawn_rounds: list[list[Step]] = [opening]
    drawn_steps = st.lists(st.tuples(_steps, st.integers(0, 24)), min_size=1, max_size=4)
    for drawn in draw(st.lists(drawn_steps, min_size=1, max_size=8)):
        steps: list[Step] = []
        for step, again in drawn:
            if isinstance(step, Command):
                step = _sometimes_again(fingerprinted(step), asked, again)  # noqa: PLW2901 - the drawn one is not asked
                asked += [*step.commands, step] if isinstance(step, Together) else [step]
            steps.append(step)
        drawn_rounds.append(steps)
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
            command = replace(command, points=command.points + 1 or 1)
        case Reverse() | SetStatus():
            command = replace(command, reason=f"{command.reason}, again")
        case OpenAccount():
            command = replace(command, account_id="c" if command.account_id != "c" else "a")
        case Together():
            command = replace(command, commands=command.commands[:-1] or (*command.commands, *command.commands))
    return fingerprinted(command)


def _can_be_asked_for(program: ProgramSettings) -> bool:
    """A limit needs a bound that lets something through; the core does without."""
    bounds = (program.clawback.points, program.clawback.percent)
    return program.clawback.mode != "limit" or (bounds != (None, None) and bounds[0] != 0)


_programs = programs.filter(_can_be_asked_for)


def law(examples: int) -> settings:
    return settings(
        settings.get_profile("books"),
        max_examples=examples,
        # The fixture is a whole service; every example has a program of its own in it.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def asker(client: httpx2.AsyncClient, token: str) -> Ask:
    """Asks one instance with one API key."""

    async def ask(method: str, path: str, body: Any, key: str | None) -> Reply:
        headers = {"Authorization": f"Bearer {token}", "X-Request-Timeout-Ms": "10000"}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = await client.request(method, path, json=body, headers=headers)
        said = answer.json() if answer.content else None
        return Reply(answer.status_code, said, answer.headers.get("Idempotent-Replayed") == "true")

    return ask


async def new_program(operator: Ask, program: ProgramSettings) -> str:
    """An admin key of a program with these settings."""
    body = {"slug": uuid4().hex, "mode": "live", "settings": settings_document(program)}
    reply = await operator("POST", "/v1/programs", body, uuid4().hex)
    assert reply.status == 201, reply
    return str(reply.body["api_key"])


async def check(
    program: ProgramSettings, history: list[list[Step]], clients: list[httpx2.AsyncClient], operator: str
) -> None:
    """Play the history, then compare everything that the books hold with the model."""
    token = await new_program(asker(clients[0], operator), program)
    askers = [asker(client, token) for client in clients]
    world = await play(program, history, askers)
    await compare_books(world, askers[0])


async def compare_books(world: World, ask: Ask) -> None:
    for account_id, account in world.model.accounts.items():
        history = await ask("GET", f"/v1/accounts/{account_id}/entries?limit=200", None, None)
        told = [(entry["kind"], entry["points"]) for entry in reversed(history.body["data"])]
        assert told == [(line.kind, line.points) for line in account.lines]
        lots = await ask("GET", f"/v1/accounts/{account_id}/lots", None, None)
        assert sum(lot["points"] for lot in lots.body) == len(account.points)
        view = await ask("GET", f"/v1/accounts/{account_id}", None, None)
        assert view.body["status"] == account.status


@pytest.fixture
async def one_instance(database: TestDatabase) -> AsyncIterator[tuple[list[httpx2.AsyncClient], str]]:
    """The application in this process, and an operator's key."""
    async with opening_shop(database.service_url) as shop:
        operator = await shop.key("operator")
        yield [shop.client], operator.token
    await assert_verifies(database.read_url)


@law(EXAMPLES)
@given(program=_programs, history=rounds())
async def test_every_answer_of_the_service_is_one_that_requests_one_after_the_other_would_get(
    one_instance: tuple[list[httpx2.AsyncClient], str], program: ProgramSettings, history: list[list[Step]]
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
@given(program=_programs, history=rounds())
async def test_every_answer_of_two_instances_is_one_that_requests_one_after_the_other_would_get(
    two_instances: tuple[list[httpx2.AsyncClient], str], program: ProgramSettings, history: list[list[Step]]
):
    clients, operator = two_instances
    await check(program, history, clients, operator)
