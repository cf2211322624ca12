"""The test clock over HTTP: a test program's time moves when it is told to, and what falls due is done."""

import asyncio
from typing import Any

import pytest

from ledger_service.api.test_clock import AdvancedClock
from ledger_service.ledger.proposals import Proposal, Written
from ledger_service.ledger.states import Loaded
from ledger_service.posting.poster import Poster, PostingLimits
from ledger_service.storage.database import Database
from ledger_service.storage.journal import PostgresJournal
from ledger_service.storage.programs import Programs
from tests.api.shop import Shop, fresh_slug, opening_shop
from tests.builders import DAY, NOON
from tests.servers import TestDatabase

BEGIN = "2026-12-03T12:00:00Z"


async def make_tested(shop: Shop, settings: dict[str, Any] | None = None) -> Shop:
    """A test program whose clock stands at BEGIN, through its admin key."""
    slug = fresh_slug("tested")
    body = {"slug": slug, "mode": "test", "clock": BEGIN, "settings": {"auto_open": True} | (settings or {})}
    made = await (await shop.key("operator")).post("/v1/programs", body)
    assert made.status_code == 201, made.text
    program = await shop.services.programs.find(slug)
    assert program is not None
    return shop.with_token(made.json()["api_key"], program.program_id)


async def advance(shop: Shop, to: str) -> AdvancedClock:
    answer = await shop.call("POST", "/v1/test-clock/advance", {"to": to}, idempotency_key=None)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return AdvancedClock.model_validate(answer.json())


async def kinds(shop: Shop, account_id: str = "m-1") -> list[tuple[str, int, str]]:
    """What is in the books, oldest first."""
    entries = (await shop.get(f"/v1/accounts/{account_id}/entries")).json()["data"]
    return [(entry["kind"], entry["points"], entry["occurred_at"]) for entry in reversed(entries)]


async def test_points_expire_as_the_clock_passes_their_date(shop: Shop) -> None:
    program = await make_tested(shop, {"expiry": {"mode": "after", "days": 10}})
    await program.post("/v1/accounts/m-1/earn", {"points": 100})
    await program.post("/v1/accounts/m-2/earn", {"points": 100, "expires_at": "2027-06-01T00:00:00Z"})
    assert await advance(program, "2026-12-13T23:59:59.999999Z") == AdvancedClock(
        now="2026-12-13T23:59:59.999999Z", settled=0
    )
    assert (await program.balance("m-1"))["available"] == 100
    assert await advance(program, "2026-12-20T00:00:00Z") == AdvancedClock(now="2026-12-20T00:00:00Z", settled=1)
    assert (await program.balance("m-1"))["available"] == 0
    assert await kinds(program) == [("earn", 100, BEGIN), ("expire", -100, "2026-12-14T00:00:00Z")]


async def test_a_hold_times_out_and_its_points_come_back(shop: Shop) -> None:
    program = await make_tested(shop)
    await program.post("/v1/accounts/m-1/earn", {"points": 100})
    hold = await program.post("/v1/accounts/m-1/holds", {"points": 40, "expires_in_seconds": 600})
    assert (hold.status_code, hold.json()["expires_at"]) == (201, "2026-12-03T12:10:00Z")
    assert (await advance(program, "2026-12-03T12:09:59Z")).settled == 0
    assert (await program.balance("m-1"))["held"] == 40
    assert (await advance(program, "2026-12-03T13:00:00Z")).settled == 1
    balance = await program.balance("m-1")
    assert (balance["held"], balance["available"]) == (0, 100)
    assert (await kinds(program))[-1] == ("release", 0, "2026-12-03T12:10:00Z")
    late = await program.post(f"/v1/holds/{hold.json()['hold_id']}/capture", {})
    assert (late.status_code, late.json()["code"]) == (409, "hold_not_open")


async def test_a_level_is_lost_at_the_end_of_its_time(shop: Shop) -> None:
    levels = [{"id": "bronze", "at": 0}, {"id": "gold", "at": 100}]
    program = await make_tested(shop, {"tiers": {"window": {"mode": "calendar_year"}, "levels": levels}})
    await program.post("/v1/accounts/m-1/earn", {"points": 100})
    assert (await program.balance("m-1"))["tier"]["id"] == "gold"
    assert (await advance(program, "2026-12-31T23:59:59Z")).settled == 0
    # In the year that ends it was reached: it is kept for the next one, in which nothing is earned.
    assert (await advance(program, "2027-01-01T00:00:00Z")).settled == 1
    assert (await program.balance("m-1"))["tier"]["id"] == "gold"
    assert (await advance(program, "2028-01-01T00:00:00Z")).settled == 1
    assert (await program.balance("m-1"))["tier"]["id"] == "bronze"
    assert [kind for kind, _, _ in await kinds(program)] == ["earn", "tier", "tier"]


async def test_many_accounts_are_settled_in_one_call(shop: Shop) -> None:
    program = await make_tested(shop, {"expiry": {"mode": "after", "hours": 1}})
    operations = [
        {"op": "earn", "account_id": f"m-{number}", "idempotency_key": f"k-{number}", "points": 5}
        for number in range(1000)
    ]
    posted = await program.post("/v1/bulk", {"mode": "independent", "operations": operations})
    assert {result["status"] for result in posted.json()["results"]} == {201}
    assert (await advance(program, "2026-12-03T13:00:00Z")).settled == 1000
    assert (await advance(program, "2026-12-03T13:00:00Z")).settled == 0


async def test_every_time_in_the_program_follows_its_clock_and_no_other_program_does(shop: Shop) -> None:
    program, other = await make_tested(shop), await make_tested(shop)
    await advance(program, "2031-01-01T00:00:00Z")
    posted = await program.post("/v1/accounts/m-1/earn", {"points": 5})
    assert (posted.json()["recorded_at"], posted.json()["occurred_at"]) == ("2031-01-01T00:00:00Z",) * 2
    assert (await program.balance("m-1"))["as_of"] == "2031-01-01T00:00:00Z"
    assert (await other.post("/v1/accounts/m-1/earn", {"points": 5})).json()["recorded_at"] == BEGIN


async def test_the_clock_only_moves_forward(shop: Shop) -> None:
    program = await make_tested(shop)
    await advance(program, BEGIN)
    back = await program.post("/v1/test-clock/advance", {"to": "2026-12-03T11:59:59.999999Z"})
    assert (back.status_code, back.json()["code"]) == (422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in back.json()["errors"]] == [("/to", "backwards")]
    assert (await advance(program, BEGIN)).now == BEGIN


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/to"),
        ({"to": None}, "/to"),
        ({"to": "tomorrow"}, "/to"),
        ({"to": "2026-12-04"}, "/to"),
        ({"to": "9999-12-31T23:59:59Z"}, "/to"),
        ({"to": "2027-01-01T00:00:00Z", "by": 5}, "/by"),
    ],
)
async def test_what_is_no_instant_is_refused(shop: Shop, body: Any, pointer: str) -> None:
    answer = await (await make_tested(shop)).post("/v1/test-clock/advance", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_live_program_has_no_clock_to_move(shop: Shop) -> None:
    answer = await shop.post("/v1/test-clock/advance", {"to": "2031-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "mode test" in answer.json()["detail"]


async def test_only_an_administrator_moves_the_clock(shop: Shop) -> None:
    program = await make_tested(shop)
    answer = await (await program.key("adjust")).post("/v1/test-clock/advance", {"to": "2031-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["scope"]) == (403, "admin")
    assert (await advance(program, BEGIN)).now == BEGIN


class SlowJournal(PostgresJournal):
    """Writes a batch only after it was told to: something else happens between its load and its gate."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.is_loaded = asyncio.Event()
        self.may_write = asyncio.Event()
        self.loads = 0

    async def load_batch(self, program_id: int, commands: Any, give_up_at: float | None = None) -> Loaded:
        loaded = await super().load_batch(program_id, commands, give_up_at)
        self.loads += 1
        self.is_loaded.set()
        return loaded

    async def write_batch(self, proposal: Proposal, give_up_at: float | None = None) -> Written:
        await self.may_write.wait()
        return await super().write_batch(proposal, give_up_at)


@pytest.mark.parametrize("step", [DAY, DAY / 24 / 3600 / 2], ids=["a day", "half a second"])
async def test_a_batch_that_runs_while_the_clock_moves_is_decided_again(database: TestDatabase, step: Any) -> None:
    """What was decided at the old time must not be in the books behind what the new time has brought."""
    async with Database.open(database.service_url) as opened:
        journal = SlowJournal(opened)
        async with (
            Poster(journal, PostingLimits(lanes=1)) as poster,
            opening_shop(database.service_url, poster=poster) as shop,
        ):
            program = await make_tested(shop)
            running = asyncio.create_task(program.post("/v1/accounts/m-1/earn", {"points": 100}))
            await journal.is_loaded.wait()
            assert await Programs(opened).advance_clock(program.program_id, NOON + step) == NOON + step
            journal.may_write.set()
            answer = await running
            assert answer.status_code == 201, answer.text
            assert journal.loads == 2
            assert answer.json()["recorded_at"] == answer.json()["occurred_at"]
            now = (await program.balance("m-1"))["as_of"]
            assert answer.json()["recorded_at"] == now
