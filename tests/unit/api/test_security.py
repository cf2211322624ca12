"""Security: keys are looked up once, trusted for a while, and refused without asking when they are not known."""

import asyncio

import pytest

from ledger_service.api.problems import Unfit
from ledger_service.api.security import KEYS_CACHED_MAX, UNKNOWN_CACHED_MAX, UNKNOWN_SECONDS, Keyring, may
from ledger_service.errors import DatabaseUnavailable, Overloaded
from ledger_service.storage.keys import Principal


def principal(*scopes: str) -> Principal:
    return Principal(1, "demo", "live", "key-1", "shop", frozenset(scopes), None)


FAR = 1e9
"""A deadline that no test meets."""


class KeyTable:
    """Keys in memory, with a count of how often it was asked."""

    def __init__(self, **known: Principal) -> None:
        self.known = {name.encode(): found for name, found in known.items()}
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def digest(self, token: str) -> bytes:
        return token.encode()

    async def find(self, digest: bytes) -> Principal | None:
        self.asked += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.known.get(digest)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_is_asked_for_once_and_then_trusted_for_a_while() -> None:
    table, clock = KeyTable(good=principal("read")), Clock()
    keyring = Keyring(table, 30, clock)
    for _ in range(3):
        assert (await keyring.principal(b"Bearer good", FAR)).slug == "demo"
    assert table.asked == 1
    clock.now += 30
    table.known.clear()
    with pytest.raises(Unfit):
        await keyring.principal(b"Bearer good", FAR)


async def test_an_unknown_key_is_refused_without_asking_again_for_a_moment() -> None:
    table, clock = KeyTable(), Clock()
    keyring = Keyring(table, 30, clock)
    for _ in range(3):
        with pytest.raises(Unfit) as raised:
            await keyring.principal(b"Bearer new", FAR)
        assert raised.value.code == "unauthenticated"
    assert table.asked == 1
    table.known[b"new"] = principal("read")
    clock.now += UNKNOWN_SECONDS
    assert await keyring.principal(b"Bearer new", FAR)


@pytest.mark.parametrize(
    "header", [None, b"", b"good", b"Basic good", b"Bearer", b"Bearer ", b"Bearer \xff", b"Bearer " + b"x" * 300]
)
async def test_what_is_no_key_is_refused_without_asking(header: bytes | None) -> None:
    table = KeyTable(good=principal("read"))
    with pytest.raises(Unfit):
        await Keyring(table, 30, Clock()).principal(header, FAR)
    assert table.asked == 0


async def test_many_who_ask_for_one_key_at_once_make_one_question() -> None:
    table = KeyTable(good=principal("read"))
    table.gate.clear()
    keyring = Keyring(table, 30, Clock())
    callers = [asyncio.create_task(keyring.principal(b"bearer good", FAR)) for _ in range(50)]
    await asyncio.sleep(0)
    callers[0].cancel()
    table.gate.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Principal) for answer in answers[1:])
    assert table.asked == 1


async def test_a_failure_is_told_to_all_who_asked_and_is_not_remembered() -> None:
    table = KeyTable(good=principal("read"))
    table.failure = DatabaseUnavailable("gone")
    keyring = Keyring(table, 30, Clock())
    answers = await asyncio.gather(*(keyring.principal(b"Bearer good", FAR) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    table.failure = None
    assert await keyring.principal(b"Bearer good", FAR)


async def test_guessed_keys_neither_grow_the_memory_nor_push_out_the_known_ones() -> None:
    table = KeyTable(good=principal("read"))
    keyring = Keyring(table, 30, Clock())
    await keyring.principal(b"Bearer good", FAR)
    for number in range(UNKNOWN_CACHED_MAX + 100):
        with pytest.raises(Unfit):
            await keyring.principal(b"Bearer guess-%d" % number, FAR)
    assert len(keyring._unknown) == UNKNOWN_CACHED_MAX
    asked = table.asked
    await keyring.principal(b"Bearer good", FAR)
    assert table.asked == asked
    assert len(keyring._known) <= KEYS_CACHED_MAX


@pytest.mark.parametrize("scope", ["read", "earn", "redeem", "adjust", "accounts", "admin"])
def test_admin_has_all_scopes_of_a_program_and_operator_none(scope: str) -> None:
    assert may(principal("admin"), scope)
    assert not may(principal("operator"), scope)
    assert may(principal(scope), scope)


def test_only_operator_is_operator() -> None:
    assert may(principal("operator"), "operator")
    assert not may(principal("admin"), "operator")


async def test_a_key_that_is_not_found_in_time_is_no_answer() -> None:
    table = KeyTable(good=principal("read"))
    table.gate.clear()
    with pytest.raises(Overloaded):
        await Keyring(table, 30, Clock()).principal(b"Bearer good", asyncio.get_running_loop().time())
