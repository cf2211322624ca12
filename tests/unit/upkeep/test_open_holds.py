"""Open holds: placed once, closed once, and all of their points accounted for (points.md, rule 5 and 12.4)."""

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.ledger.entries import Entry
from ledger_service.upkeep.replay import Replay
from tests.builders import ACCOUNT, DAY, NOON, PROGRAM_ID, entry, hold, movement
from tests.unit.upkeep.replaying import VERSIONS, chained, checks_of, held, replayed


def captured(seq: int = 3, points: int = 30, **others: Any) -> Entry:
    chosen: dict[str, Any] = {
        "kind": "redeem",
        "points": -points,
        "balance_after": 100 - points,
        "available_after": 70,
        "movements": (),
        "detail": f'{{"consumed":[[null,null,-{points}]],"hold_id":"h-1"}}',
    } | others
    return entry(seq=seq, **chosen)


def given_back(seq: int = 3, points: int = 30, **others: Any) -> Entry:
    chosen: dict[str, Any] = {
        "kind": "release",
        "points": 0,
        "balance_after": 100,
        "available_after": 70 + points,
        "held_after": 30 - points,
        "movements": (movement(points),),
        "detail": '{"hold_id":"h-1"}',
    } | others
    return entry(seq=seq, **chosen)


SOUND_HOLDS = {
    "captured": [captured()],
    "released": [given_back()],
    "captured in part": [
        given_back(points=10, available_after=80, held_after=20),
        captured(seq=4, points=20, available_after=80, balance_after=80),
    ],
}


@pytest.mark.parametrize("closing", SOUND_HOLDS.values(), ids=SOUND_HOLDS)
def test_rule_12_4_captured_and_released_are_what_was_held(closing: list[Entry]):
    replay, findings = replayed(ACCOUNT, chained([entry(seq=1), held(), *closing]))
    assert findings == []
    assert list(replay.hold_contradictions([])) == []
    assert replay.held == 0


WRONG_HOLDS: dict[str, tuple[list[Entry], set[str]]] = {
    "closed twice": ([given_back(), given_back(seq=4, held_after=0, available_after=100, movements=())], {"hold"}),
    "captured twice": (
        [captured(), captured(seq=4, balance_after=40, available_after=70)],
        {"hold", "debt", "available_after"},
    ),
    "captured more": ([captured(points=31, balance_after=69)], {"hold", "held_after", "debt", "available_after"}),
    "captured less": ([captured(points=29, balance_after=71, held_after=1)], {"hold"}),
    "captured from lots that it did not take": (
        [captured(detail='{"consumed":[[1796299200000000,null,-30]],"hold_id":"h-1"}')],
        {"hold"},
    ),
    "released more": ([given_back(points=31, held_after=0, available_after=100)], {"debt"}),
    "released nothing": ([given_back(points=0, movements=())], {"held_after"}),
    "placed twice": ([held(seq=3, held_after=60, available_after=40)], {"hold"}),
    "another hold released": ([given_back(detail='{"hold_id":"h-2"}')], {"hold"}),
    "no hold at all": ([held(seq=3, detail=None, held_after=60, available_after=40)], {"hold", "held_after"}),
    "held by an earn": (
        [entry(seq=3, points=5, balance_after=105, available_after=70, held_after=35, movements=())],
        {"held_after"},
    ),
}


@pytest.mark.parametrize(("entries", "checks"), WRONG_HOLDS.values(), ids=WRONG_HOLDS)
def test_rule_12_4_a_hold_is_closed_once_and_wholly(entries: list[Entry], checks: set[str]):
    assert set(checks_of(chained([entry(seq=1), held(), *entries]))) == checks


def test_a_hold_of_which_only_a_part_was_given_back_is_not_open_as_it_was():
    replay, findings = replayed(ACCOUNT, chained([entry(seq=1), held(), given_back(points=10)]))
    assert findings == []
    stored = hold(30, seq=2, expires_at=NOON + DAY)
    assert [one.check for one in replay.hold_contradictions([stored])] == ["hold"]


def test_open_holds_are_compared_field_by_field():
    replay, _ = replayed(ACCOUNT, chained([entry(seq=1), held()]))
    stored = hold(30, seq=2, expires_at=NOON + DAY)
    assert list(replay.hold_contradictions([stored])) == []
    assert replay.next_due_at == NOON + DAY
    [finding] = replay.hold_contradictions([replace(stored, points=31, source="elsewhere")])
    assert (finding.expected, finding.found) == (
        "hold h-1 points 30, source shop-berlin",
        "hold h-1 points 31, source elsewhere",
    )
    assert [one.found for one in replay.hold_contradictions([])] == ["none"]
    assert len(list(replay.hold_contradictions([stored, replace(stored, hold_id="h-2")]))) == 1


def test_a_hold_that_moves_with_its_account_is_known_by_its_row():
    moved = '{"counterpart":"m-2","merged":{"holds":["h-1"],"lifetime":0,"spend":"0","visits":0}}'
    arrived = entry(
        seq=1, kind="merge_in", points=30, available_after=0, held_after=30, movements=(), transfer_id="t", detail=moved
    )
    stored = hold(30, account_id="m-2")
    replay = Replay(PROGRAM_ID, ACCOUNT)
    assert replay.apply(arrived, VERSIONS, {"h-1": stored}) == []
    assert list(replay.hold_contradictions([replace(stored, account_id=ACCOUNT)])) == []
    assert {one.check for one in Replay(PROGRAM_ID, ACCOUNT).apply(arrived, VERSIONS)} == {"hold", "held_after"}
