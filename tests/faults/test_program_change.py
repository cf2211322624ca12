"""A program changed while traffic flows: every entry is decided by one version of it, the one that it names."""

import asyncio
import json

from tests.faults.conftest import Pair
from tests.wire import Answer, Request, ask, volley

CHANGES = 8
PURCHASES = 150
"""Between two changes, at both instances."""
AMOUNT = 10


def settings(version: int) -> bytes:
    """In version v a purchase of 10.00 earns 10 v points of a rule, as many of a campaign, and v for the visit.

    The points can be used after v days, and are gone v months later.
    """
    return json.dumps(
        {
            "auto_open": True,
            "currency": "EUR",
            "available": {"mode": "after", "days": version},
            "expiry": {"mode": "after", "days": 30 * version},
            "rules": [
                {"id": f"spend-{version}", "type": "spend", "points": version, "per": "1.00"},
                {"id": f"visit-{version}", "type": "visit", "points": version},
            ],
            "campaigns": [
                {
                    "id": f"double-{version}",
                    "type": "multiply",
                    "factor": "2",
                    "when": {"categories": {"include": [f"of-{version % 2}"]}},
                }
            ],
        }
    ).encode()


def points_in(version: int) -> int:
    """What the two lines, of which every version doubles one, earn in a version."""
    return version * AMOUNT + version * AMOUNT // 2 + version


def change(pair: Pair, version: int) -> Request:
    headers = pair.program.headers(f"settings-{version}") | {"If-Match": f'"{version - 1}"'}
    return Request("PUT", "/v1/program", settings(version), headers)


def purchases(pair: Pair, round_number: int) -> list[Request]:
    lines = [
        {"sku": "a", "quantity": 1, "amount": "5.00", "category": "of-0"},
        {"sku": "b", "quantity": 1, "amount": "5.00", "category": "of-1"},
    ]
    body = {"purchase": {"amount": "10.00", "currency": "EUR", "lines": lines}}
    return [
        pair.post(
            f"/accounts/m-{number % 20}/earn",
            json.dumps(body | {"order_id": f"{round_number}-{number}"}).encode(),
            f"sale-{round_number}-{number}",
        )
        for number in range(PURCHASES)
    ]


async def test_every_entry_is_decided_by_the_version_that_it_names_and_none_by_a_mix(pair: Pair):
    changed = await ask(pair.urls[0], change(pair, 2))
    assert changed.status == 200, changed.body
    answers: list[Answer] = []
    for version in range(3, CHANGES + 3):
        # The change lands somewhere in the middle of the traffic, now at one instance, now at the other.
        traffic = asyncio.create_task(volley(pair.urls, purchases(pair, version)))
        changed = await ask(pair.urls[version % 2], change(pair, version))
        assert changed.status == 200, changed.body
        answers.extend(await traffic)

    assert {answer.status for answer in answers} == {201}
    assert len(answers) == CHANGES * PURCHASES
    entries = await pair.rows(
        "rule_version, points, extract(epoch FROM (expires_at - available_at))::bigint / 86400 AS days, "
        "count(*) AS total",
        "entry",
        "GROUP BY 1, 2, 3 ORDER BY 1",
    )
    assert sum(row["total"] for row in entries) == CHANGES * PURCHASES
    # From the local midnight that begins the first usable day to the one that ends the last: a day more.
    assert [(row["points"], row["days"]) for row in entries] == [
        (points_in(row["rule_version"]), 30 * row["rule_version"] + 1) for row in entries
    ]
    assert len({row["rule_version"] for row in entries}) > CHANGES // 2, "the changes did not land in the traffic"
    told = {(answer.json()["rule_version"], answer.json()["points"]) for answer in answers}
    assert told == {(row["rule_version"], row["points"]) for row in entries}
