"""Comparing: accounts with a long life behind them and new ones, on one service, in turns."""

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from ledger_service.cli.bench.children import ChildFailed, run
from ledger_service.cli.bench.contenders import VERIFY_SECONDS_MAX, Contender, ask, the_service
from ledger_service.cli.bench.lives import REDEEM_POINTS, Life, LongLife, NewLives, Shape, write_histories
from ledger_service.cli.bench.measuring import Say, describe_machine
from ledger_service.cli.bench.timed import Answered, TimedConnection
from ledger_service.cli.loop import run_to_end
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST

# Later than any benchmark takes, so that nothing falls due meanwhile.
FIRST_EXPIRY = "SELECT date_trunc('hour', now()) + interval '30 days'"

# Our accounts are few and named by us: nothing in these statements comes from outside.
COUNT_LOTS = "SELECT count(*) FROM ledger.lot WHERE account_id = '{account_id}'"
COUNT_ENTRIES = "SELECT count(*) FROM ledger.entry WHERE account_id = '{account_id}'"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and how long. Each connection has a long-lived account of its own."""

    connections: int
    seconds: int
    warm_up: int
    rounds: int
    shape: Shape


@dataclass(slots=True)
class Times:
    """How long the calls of one round took, in seconds."""

    redeems: list[float] = field(default_factory=list)
    balances: list[float] = field(default_factory=list)
    posted: int = 0
    """Earns and redeems that were answered with success; earns are not timed."""
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """All rounds of one sort of account."""

    name: str
    lives: tuple[Life, ...]
    rounds: tuple[Times, ...] = ()
    warm_ups: tuple[Times, ...] = ()

    @property
    def all_times(self) -> tuple[Times, ...]:
        """Warm-ups too."""
        return (*self.warm_ups, *self.rounds)


@dataclass(frozen=True, slots=True)
class AccountSize:
    """What a long-lived account had before the first round and after the last one."""

    account_id: str
    entries_before: int
    lots_before: int
    lots_after: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A whole comparison: long-lived first, new second."""

    comparison: Comparison
    measured_at: str
    machine: dict[str, str | int]
    sides: tuple[Side, Side]
    sizes: tuple[AccountSize, ...]
    entries: int
    """What came into the database while we measured."""
    verification: str
    """What `ledger-service verify` said at the end."""
    is_verified: bool


def compare(comparison: Comparison, say: Say) -> Compared:
    """Start everything, write the long lives, measure in turns, verify all books, stop everything.

    Raises EmbeddedFailure, ChildFailed."""
    machine = describe_machine()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="ledger-bench-")))
        postgres = opened.enter_context(EmbeddedPostgres.start(directory / "data", say=say))
        service = opened.enter_context(the_service(postgres, directory, accounts=0))
        machine["postgres"] = str(postgres.version)
        measured_at = asyncio.run(ask(postgres.url(), "SELECT date_trunc('second', now())")).isoformat()
        return replace(on_service(comparison, service, say), machine=machine, measured_at=measured_at)


def on_service(comparison: Comparison, service: Contender, say: Say) -> Compared:
    """Write the long lives into a service that is up, and measure."""
    stem = secrets.token_hex(4)  # keys are for ever: whoever measures the same database again needs others
    shape = comparison.shape
    first_expiry = asyncio.run(ask(service.database_url, FIRST_EXPIRY))
    lives = [LongLife(f"old-{stem}-{number}", shape, first_expiry) for number in range(comparison.connections)]
    say(f"Writing {len(lives)} x {shape.entries:,} entries with {shape.lots:,} open lots.")
    began_at = perf_counter()
    run_to_end(write_histories(f"http://{HOST}:{service.port}", service.token, lives))
    say(f"Written in {perf_counter() - began_at:.0f} s.")
    sizes = [size_of(service, life.account_id) for life in lives]
    news = [NewLives(f"new-{stem}-{number}") for number in range(comparison.connections)]
    sides = (Side("long-lived", tuple(lives)), Side("new", tuple(news)))
    entries_before = service.entries()
    sides = in_turns(comparison, service, sides, say)
    entries = service.entries() - entries_before
    say("Verifying all books.")
    is_verified, verification = verified(service)
    return Compared(
        comparison=comparison,
        measured_at="",
        machine={},
        sides=sides,
        sizes=tuple(replace(size, lots_after=lots_of(service, size.account_id)) for size in sizes),
        entries=entries,
        verification=verification,
        is_verified=is_verified,
    )


def in_turns(
    comparison: Comparison, service: Contender, sides: tuple[Side, Side], say: Callable[[str], None]
) -> tuple[Side, Side]:
    """A round of each, again and again."""
    measured = list(sides)
    for number in range(1, comparison.rounds + 1):
        for place, side in enumerate(measured):
            service.settle()
            warm_ups = side.warm_ups
            if comparison.warm_up:
                warm_ups += (run_to_end(one_round(service, side.lives, comparison.warm_up)),)
            times = run_to_end(one_round(service, side.lives, comparison.seconds))
            say(f"round {number} of {comparison.rounds}, {side.name}: {len(times.redeems):,} redeems")
            measured[place] = replace(side, rounds=(*side.rounds, times), warm_ups=warm_ups)
    return measured[0], measured[1]


async def one_round(service: Contender, lives: Sequence[Life], seconds: float) -> Times:
    """Ask on a connection for each of these, one call after the other, until the time is over."""
    times = Times()
    ends_at = perf_counter() + seconds
    async with AsyncExitStack() as opened:
        connections = [
            await opened.enter_async_context(TimedConnection.opened(HOST, service.port, service.token)) for _ in lives
        ]
        await asyncio.gather(
            *(ask_until(ends_at, connection, life, times) for connection, life in zip(connections, lives, strict=True))
        )
    return times


async def ask_until(ends_at: float, connection: TimedConnection, life: Life, times: Times) -> None:
    """Earn, ask for the balance, redeem; and again. The last two are timed."""

    def count(answered: Answered, expected: int) -> None:
        if answered.status != expected:
            times.failed += 1
        elif expected == 201:
            times.posted += 1

    while perf_counter() < ends_at:
        account_id, earnings = life.next_account()
        path = f"/v1/accounts/{account_id}"
        for earning in earnings:
            count(await connection.post(f"/v1/accounts/{earning.account_id}/earn", earning.body, new_key()), 201)
        balance = await connection.get(f"{path}/balance")
        count(balance, 200)
        times.balances.append(balance.seconds)
        redeem = await connection.post(f"{path}/redeem", {"points": REDEEM_POINTS}, new_key())
        count(redeem, 201)
        times.redeems.append(redeem.seconds)


def new_key() -> str:
    """An idempotency key, as callers make them."""
    return secrets.token_hex(12)


def size_of(service: Contender, account_id: str) -> AccountSize:
    """What an account has now."""
    entries = asyncio.run(ask(service.database_url, COUNT_ENTRIES.format(account_id=account_id)))
    lots = lots_of(service, account_id)
    return AccountSize(account_id, entries, lots, lots)


def lots_of(service: Contender, account_id: str) -> int:
    """How many open lots an account has now."""
    return int(asyncio.run(ask(service.database_url, COUNT_LOTS.format(account_id=account_id))))


def verified(service: Contender) -> tuple[bool, str]:
    """Whether all books verify, and what was said of them."""
    try:
        ended = run(service.verification, {"LEDGER_READ_URL": service.database_url}, VERIFY_SECONDS_MAX)
    except ChildFailed as failed:
        return False, str(failed)
    return True, ended.stdout.strip().splitlines()[-1]
