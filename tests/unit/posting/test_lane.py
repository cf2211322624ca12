"""Lanes: what becomes of a batch when something is in its way."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ledger_service import stations
from ledger_service.errors import DatabaseUnavailable, KeyTaken, OutcomeUnknown, Overloaded, ProposalRejected
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Outcome, Posted, Replayed
from ledger_service.posting.lane import KEYS_TAKEN_MAX
from ledger_service.posting.poster import Poster, PostingLimits
from tests.builders import earn, entry_of, redeem, together
from tests.unit.posting.fake_journal import Event, FakeJournal, failing
from tests.unit.posting.virtual_time import soon


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
async def poster(journal: FakeJournal) -> AsyncIterator[Poster]:
    async with Poster(journal, PostingLimits(lanes=1)) as poster:
        yield poster
    assert not journal.met, "an account was in two running batches"


async def post(poster: Poster, *commands: Command, seconds: float = 1.0) -> list[Outcome | BaseException]:
    """All at once, so that they share a batch."""
    posts = (poster.post(1, command, soon(seconds)) for command in commands)
    return await asyncio.gather(*posts, return_exceptions=True)


def elsewhere(journal: FakeJournal, *account_ids: str) -> Event:
    """Another instance writes these accounts."""
    return lambda: journal.elsewhere(*(earn(1, account_id=account_id) for account_id in account_ids))


async def test_an_account_that_moved_is_decided_again_and_the_others_are_written(
    journal: FakeJournal, poster: Poster
) -> None:
    journal.gate.before.append(elsewhere(journal, "a"))
    outcomes = await post(poster, earn(10, account_id="a"), earn(10, account_id="b"))
    assert [entry_of(outcome).balance_after for outcome in outcomes if isinstance(outcome, Posted)] == [
        11,
        10,
    ]
    assert [len(commands) for commands in journal.loads] == [2, 1]


async def test_after_a_conflict_the_commands_of_the_account_keep_their_order(
    journal: FakeJournal, poster: Poster
) -> None:
    journal.gate.before.append(elsewhere(journal, "a"))
    commands = [earn(account_id="a") for _ in range(3)]
    await post(poster, *commands)
    assert journal.keys("a")[1:] == [command.key for command in commands]


async def test_what_is_bound_to_an_account_in_conflict_goes_again_with_it(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.before.append(elsewhere(journal, "a"))
    await post(poster, together(earn(account_id="a"), earn(account_id="b")), earn(account_id="b"))
    assert [len(commands) for commands in journal.loads] == [2, 2]


async def test_after_two_conflicts_a_command_travels_with_its_own_account(journal: FakeJournal, poster: Poster) -> None:
    stubborn, same = earn(account_id="a"), earn(account_id="a")
    journal.gate.before.extend([elsewhere(journal, "a")] * 2)
    stubborn_post = asyncio.ensure_future(post(poster, stubborn, same))
    others = [asyncio.ensure_future(post(poster, earn(account_id=f"b-{number}"))) for number in range(5)]
    await asyncio.gather(stubborn_post, *others)
    assert [stubborn, same] in journal.loads


async def test_a_taken_key_has_all_decided_again(journal: FakeJournal, poster: Poster) -> None:
    command = earn(account_id="a")
    twin = earn(account_id="a", key=command.key)
    journal.gate.before.append(lambda: journal.elsewhere(twin))
    # The account moved too, so the fake answers a conflict; the order of the checks is the gate's own affair.
    assert isinstance((await post(poster, command))[0], Replayed)


async def test_a_key_taken_on_another_account_is_found_by_the_next_load(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.before.append(failing(KeyTaken("order 17")))
    outcomes = await post(poster, earn(account_id="a"), earn(account_id="b"))
    assert all(isinstance(outcome, Posted) for outcome in outcomes)
    assert [len(commands) for commands in journal.loads] == [2, 2]


async def test_keys_that_are_taken_again_and_again_end_in_overloaded(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.before.extend([failing(KeyTaken("order 17"))] * 100)
    outcomes = await post(poster, earn(account_id="a"))
    assert isinstance(outcomes[0], Overloaded)
    assert len(journal.proposals) == KEYS_TAKEN_MAX
    journal.gate.before.clear()


async def test_a_lost_answer_is_found_by_the_same_key(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.after.append(failing(OutcomeUnknown("lost")))
    outcomes = await post(poster, earn(account_id="a"), redeem(account_id="a"))
    assert all(isinstance(outcome, Replayed) for outcome in outcomes)
    assert len(journal.entries("a")) == 2


async def test_a_lost_call_is_written_by_the_next_trip(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.before.append(failing(OutcomeUnknown("lost")))
    outcomes = await post(poster, earn(account_id="a"))
    assert isinstance(outcomes[0], Posted)
    assert len(journal.entries("a")) == 1


async def test_once_unknown_a_command_is_never_told_that_nothing_was_written(
    journal: FakeJournal, poster: Poster
) -> None:
    journal.gate.after.append(failing(OutcomeUnknown("lost")))
    journal.load.before.append(None)
    journal.load.before.extend([failing(DatabaseUnavailable("no primary"))] * 100)
    outcomes = await post(poster, earn(account_id="a"))
    assert isinstance(outcomes[0], OutcomeUnknown)
    journal.load.before.clear()


async def test_once_unknown_not_even_a_bug_hides_it(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.after.append(failing(OutcomeUnknown("lost")))
    journal.load.before.extend([None, failing(ZeroDivisionError())])
    assert isinstance((await post(poster, earn(account_id="a")))[0], OutcomeUnknown)


async def test_tries_after_an_unknown_outcome_are_spread_out(journal: FakeJournal, poster: Poster) -> None:
    journal.gate.before.extend([failing(OutcomeUnknown("lost"))] * 1000)
    outcomes = await post(poster, earn(account_id="a"), seconds=2)
    assert isinstance(outcomes[0], OutcomeUnknown)
    assert 5 < len(journal.proposals) < 100
    journal.gate.before.clear()


@pytest.mark.parametrize("door", ["load", "gate"])
async def test_a_database_that_comes_back_in_time_is_not_noticed(
    journal: FakeJournal, poster: Poster, door: str
) -> None:
    getattr(journal, door).before.extend([failing(DatabaseUnavailable("no primary"))] * 5)
    outcomes = await post(poster, earn(account_id="a"), earn(account_id="b"))
    assert all(isinstance(outcome, Posted) for outcome in outcomes)


async def test_a_poison_command_gets_its_error_and_the_others_are_written(caplog: pytest.LogCaptureFixture) -> None:
    poison = earn(account_id="m-7")
    commands = [poison if number == 7 else earn(account_id=f"m-{number}") for number in range(20)]

    class PoisonedJournal(FakeJournal):
        async def write_batch(self, proposal, give_up_at=None):  # type: ignore[no-untyped-def]
            if any(record.command is poison for record in proposal.keys):
                raise ProposalRejected("a broken invariant")
            return await super().write_batch(proposal, give_up_at)

    async with Poster(PoisonedJournal(), PostingLimits(lanes=1)) as poisoned:
        with caplog.at_level(logging.ERROR):
            outcomes = await post(poisoned, *commands)
    assert isinstance(outcomes.pop(7), ProposalRejected)
    assert all(isinstance(outcome, Posted) for outcome in outcomes)
    assert "m-7" not in "".join(record.getMessage() for record in caplog.records)


async def test_halves_keep_the_order_of_an_account(journal: FakeJournal, poster: Poster) -> None:
    journal.load.before.append(failing(ZeroDivisionError()))
    journal.gate.before.append(elsewhere(journal, "a"))
    commands = [earn(account_id="a") for _ in range(4)]
    await post(poster, *commands)
    assert journal.keys("a")[1:] == [command.key for command in commands]


async def test_what_goes_again_after_halves_goes_in_order_of_arrival(journal: FakeJournal, poster: Poster) -> None:
    journal.load.before.append(failing(ZeroDivisionError()))
    journal.gate.before.extend([elsewhere(journal, "a"), elsewhere(journal, "b")])
    transferred = earn(account_id="b")
    before = earn(account_id="b")
    transfer = together(earn(account_id="a"), transferred)
    await post(poster, earn(account_id="a"), earn(account_id="z"), before, transfer)
    assert journal.keys("b")[1:] == [before.key, transferred.key]


async def test_a_bug_in_one_batch_stops_no_other(journal: FakeJournal, poster: Poster) -> None:
    journal.load.before.append(failing(ZeroDivisionError()))
    assert isinstance((await post(poster, earn()))[0], ZeroDivisionError)
    assert isinstance((await post(poster, earn()))[0], Posted)


@pytest.mark.parametrize("told", [-3600.0, 3600.0])
async def test_a_clock_of_the_database_that_jumps_takes_nothing_from_the_stations(told: float) -> None:
    class Jumping(FakeJournal):
        async def write_batch(self, proposal, give_up_at=None):  # type: ignore[no-untyped-def]
            return replace(await super().write_batch(proposal, give_up_at), gate_seconds=told)

    before = stations.GATE.seconds, stations.COMMIT.seconds
    async with Poster(Jumping(), PostingLimits(lanes=1)) as poster:
        await poster.post(1, earn(), soon())
    spent = stations.GATE.seconds - before[0], stations.COMMIT.seconds - before[1]
    assert all(0 <= seconds < 60 for seconds in spent)
