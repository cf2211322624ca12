"""Standings: spend, visits, tier and days follow from what the entries say."""

from dataclasses import replace
from decimal import Decimal

from ledger_service.ledger.lots import microseconds
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import AccountState
from tests.builders import ACCOUNT, DAY, NOON, entry, movement
from tests.unit.upkeep.replaying import chained, replayed, stored_of


def test_counters_tier_and_days_follow_from_what_the_entries_say():
    counts = '"counts":{"day":"2026-12-03","spend":"12.50","visits":1}'
    tier = f'"floor":null,"tier":["silver",{microseconds(NOON)},{microseconds(NOON + 9 * DAY)},null,null]'
    replay, findings = replayed(
        ACCOUNT,
        chained(
            [
                entry(seq=1, detail=f"{{{counts},{tier}}}"),
                entry(
                    seq=2,
                    kind="redeem",
                    points=-30,
                    balance_after=70,
                    available_after=70,
                    movements=(movement(-30),),
                    detail='{"redeemed_on":"2026-12-03"}',
                ),
            ]
        ),
    )
    assert findings == []
    assert replay.next_due_at == NOON + 9 * DAY
    stored = replace(
        stored_of(AccountState(ACCOUNT, seq=2, balance=70, lifetime_points=100, head_hash=replay.head_hash)),
        next_due_at=NOON + 9 * DAY,
        standing=f'{{"redeemed":["2026-12-03",30],"spend":"12.5","visits":1,{tier}}}',
    )
    assert list(replay.contradictions(stored)) == []
    for other in ('{"spend":"12.49"}', "[]", None, '{"spend":"much"}'):
        assert {one.check for one in replay.contradictions(replace(stored, standing=other))} == {"standing"}
    day = QualifyingDay(NOON.date(), 100, Decimal("12.50"), 1)
    nothing = QualifyingDay((NOON - DAY).date())
    assert list(replay.day_contradictions([day, nothing])) == []
    assert [one.check for one in replay.day_contradictions([replace(day, points=99)])] == ["qualifying_day"]
    assert [one.check for one in replay.day_contradictions([])] == ["qualifying_day"]
