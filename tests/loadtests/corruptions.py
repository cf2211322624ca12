"""Corruptions: what a broken ledger might do, each seeded into a good history. None hides the rest of the books."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from checker import findings as check
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement, consume
from tests.loadtests.good_histories import ACCOUNTS, SECOND_NS, WIDTH_NS, Recorded
from tests.loadtests.small_ledger import Account, Answer, Document, refused

NONE: Final = (NEVER, ALWAYS)
"""The dates of points without any."""


def earned(made: Recorded, account_id: str, points: int = 50, order: str | None = None, **fields: Any) -> Answer:
    """An honest earn, asked and answered."""
    asked = {"kind": "earn", "key": made.next_key(), "account": account_id, "points": points, "order": order}
    return made.answered(asked | fields, lambda key: made.ledger.earn(account_id, points, key, order, None, None))


def read(made: Recorded, shown: Document, **fields: Any) -> None:
    """A balance that shows this."""
    made.ops += 1
    asked = {"kind": "balance", "account": shown["account_id"], "key": None, **fields}
    made.attempt(asked, made.at_ns, made.at_ns + 5, Answer(200, json.dumps(shown).encode()))


def asked_now(made: Recorded, answer: Answer | None, width_ns: int = 5, **asked: Any) -> Document:
    """An attempt that is under way just now."""
    return made.attempt({"order": None, **asked}, made.at_ns, made.at_ns + width_ns, answer)


def rows(made: Recorded) -> list[tuple[Account, int]]:
    return [(account, index) for account in made.ledger.accounts.values() for index in range(len(account.rows))]


def acknowledged_row_is_dropped(made: Recorded) -> None:
    told = [a["body"] for a in made.attempts if a["outcome"] == "ok" and "hash" in a["body"]]
    row = made.chance.choice(told)
    account = made.ledger.accounts[row["account_id"]]
    account.rows = [other for other in account.rows if other["seq"] != row["seq"]]


def last_acknowledged_row_is_lost_by_a_failover(made: Recorded) -> None:
    account = made.ledger.account("m-1")
    lots, head = account.lots, account.head
    earned(made, "m-1")
    account.rows.pop()
    account.lots, account.head = lots, head


def acknowledged_row_is_changed(made: Recorded) -> None:
    told = [a["body"] for a in made.attempts if a["outcome"] == "ok" and "hash" in a["body"]]
    row = made.chance.choice(told)
    made.ledger.accounts[row["account_id"]].rows[row["seq"] - 1]["reason"] = "another"


def row_is_written_twice(made: Recorded) -> None:
    earned(made, "m-1", 50)
    key = made.ledger.accounts["m-1"].rows[-1]["idempotency_key"]
    made.quiet()
    made.ledger.post(made.ledger.account("m-1"), "earn", 50, (Movement(*NONE, 50),), key)


def two_seqs_are_swapped(made: Recorded) -> None:
    later = {"kind": "earn", "key": made.next_key(), "account": "m-1", "points": 5, "order": None}
    second = made.ledger.earn("m-1", 5, later["key"], None, None, None)
    earned(made, "m-1", 6)
    made.quiet()
    made.attempt(later, made.at_ns, made.at_ns + 5, second)


def balance_is_shifted(made: Recorded) -> None:
    account, index = made.chance.choice(rows(made))
    row = account.rows[index]
    account.rows[index] = row | {
        "balance_after": row["balance_after"] + 1,
        "available_after": row["available_after"] + 1,
    }


def held_points_vanish(made: Recorded) -> None:
    earned(made, "m-1", 50)
    account = made.ledger.accounts["m-1"]
    row = account.rows[-1]
    account.rows[-1] = row | {"held_after": row["held_after"] + 1, "available_after": row["available_after"] - 1}


def stored_balance_is_shifted(made: Recorded) -> None:
    earned(made, "m-1", 50)
    account = made.ledger.accounts["m-1"]
    account.lots = (*account.lots[:-1], replace(account.lots[-1], remaining=account.lots[-1].remaining + 1))


def account_is_overdrawn(made: Recorded) -> None:
    account = made.ledger.account("m-2")
    points = made.ledger.accounts["m-2"].shown(made.ledger.now)["available"] + 1
    key = made.next_key()
    row = made.ledger.post(account, "redeem", -points, (), key)
    account.rows[-1]["available_after"] = row.balance_after - row.held_after
    asked_now(made, None, kind="redeem", key=key, account="m-2", points=points)


def read_is_stale(made: Recorded) -> None:
    shown = made.ledger.account("m-1").shown(made.ledger.now)
    earned(made, "m-1")
    made.quiet()
    read(made, shown)


def read_shows_a_wrong_balance(made: Recorded) -> None:
    earned(made, "m-1")
    made.quiet()
    shown = made.ledger.account("m-1").shown(made.ledger.now)
    read(made, shown | {"balance": shown["balance"] + 1, "available": shown["available"] + 1})


def read_shows_what_nobody_asked_for_yet(made: Recorded) -> None:
    earned(made, "m-1")
    shown = made.ledger.account("m-1").shown(made.ledger.now)
    made.at_ns -= 3 * WIDTH_NS
    read(made, shown, read_source="replica")


def session_goes_back(made: Recorded) -> None:
    before = made.ledger.account("m-1").shown(made.ledger.now)
    earned(made, "m-1")
    made.quiet()
    for shown in (made.ledger.account("m-1").shown(made.ledger.now), before):
        read(made, shown, read_source="replica", session="s-9")
        made.step()


def least_seq_is_ignored(made: Recorded) -> None:
    shown = made.ledger.account("m-1").shown(made.ledger.now)
    read(made, shown, read_source="replica", min_seq=shown["seq"] + 1)


def refusal_is_not_justified(made: Recorded) -> None:
    earned(made, "m-1", 70)
    made.quiet()
    shown = made.ledger.account("m-1").shown(made.ledger.now)
    points = shown["available"]
    fields = {"available": points - 1, "requested": points, "missing": 1, "as_of_seq": shown["seq"]}
    answer = refused("insufficient_points", **fields)
    key = made.next_key()
    made.refusals.append({"key": key, "code": "insufficient_points"})
    asked_now(made, answer, kind="redeem", key=key, account="m-1", points=points)


def refusal_looked_at_an_old_state(made: Recorded) -> None:
    account = made.ledger.account("m-1")
    shown = account.shown(made.ledger.now)
    seq = len(account.rows)
    available = account.rows[-1]["available_after"] if account.rows else shown["available"]
    earned(made, "m-1", 500)
    made.quiet()
    fields = {"available": available, "requested": available + 1, "missing": 1, "as_of_seq": seq}
    key = made.next_key()
    made.refusals.append({"key": key, "code": "insufficient_points"})
    answer = refused("insufficient_points", **fields)
    asked_now(made, answer, kind="redeem", key=key, account="m-1", points=available + 1)


def open_hold_is_said_to_be_closed(made: Recorded) -> None:
    key = made.next_key()
    made.refusals.append({"key": key, "code": "hold_not_open"})
    answer = refused("hold_not_open", hold_id="h-open", hold_status="captured")
    asked_now(made, answer, kind="capture", key=key, account=None, hold_id="h-open", points=None)


def _refused_redeem(made: Recorded) -> tuple[Document, Answer]:
    asked = {"kind": "redeem", "key": made.next_key(), "account": "m-1", "points": 100_000, "order": None}
    return asked, made.answered(asked, lambda key: made.ledger.redeem("m-1", 100_000, key, None))


def refusal_later_succeeds_under_its_key(made: Recorded) -> None:
    asked, _ = _refused_redeem(made)
    made.quiet()
    earned(made, "m-1", 200_000)
    made.quiet()
    answer = made.ledger.redeem("m-1", 100_000, asked["key"], None)
    asked_now(made, answer, **asked)


def refused_command_is_written(made: Recorded) -> None:
    earned(made, "m-1", 200_000)
    made.quiet()
    asked = {"kind": "redeem", "key": made.next_key(), "account": "m-1", "points": 10, "order": None}
    made.ledger.redeem("m-1", 10, asked["key"], None)
    answer = refused("account_not_active", account_status="suspended")
    made.refusals.append({"key": asked["key"], "code": "account_not_active"})
    asked_now(made, answer, **asked)


def kept_refusal_is_lost(made: Recorded) -> None:
    _refused_redeem(made)
    made.refusals.pop()


def command_is_written_that_was_said_not_to_be(made: Recorded) -> None:
    key = made.next_key()
    made.ledger.earn("m-1", 10, key, None, None, None)
    overloaded = Answer(503, b'{"code":"overloaded"}')
    asked_now(made, overloaded, kind="earn", key=key, account="m-1", points=10)


def byte_of_a_replay_is_altered(made: Recorded) -> None:
    answer = earned(made, "m-1")
    again = dict(made.attempts[-1])
    altered = answer.content.replace(b'"reason":null', b'"reason": null')
    again |= {"attempt": 2, "replayed": True, "body_sha": hashlib.sha256(altered).hexdigest()}
    made.attempts.append(again | {"invoke_ns": made.at_ns + 2 * WIDTH_NS, "complete_ns": made.at_ns + 3 * WIDTH_NS})


def refusal_is_replayed_with_other_numbers(made: Recorded) -> None:
    _, answer = _refused_redeem(made)
    again = dict(made.attempts[-1])
    altered = answer.body | {"as_of_seq": answer.body["as_of_seq"] + 1}
    sha = hashlib.sha256(json.dumps(altered).encode()).hexdigest()
    again |= {"attempt": 2, "replayed": True, "body": altered, "body_sha": sha}
    made.attempts.append(again | {"invoke_ns": made.at_ns + 2 * WIDTH_NS, "complete_ns": made.at_ns + 3 * WIDTH_NS})


def replay_claims_to_be_the_first(made: Recorded) -> None:
    earned(made, "m-1")
    made.attempts.append(made.attempts[-1] | {"attempt": 2})


def another_request_is_answered_under_a_used_key(made: Recorded) -> None:
    earned(made, "m-1")
    made.attempts.append(made.attempts[-1] | {"attempt": 2, "replayed": True, "fingerprint": "00", "points": 51})


def link_of_the_chain_is_broken(made: Recorded) -> None:
    account, index = made.chance.choice(rows(made))
    account.rows[index]["hash"] = hashlib.sha256(b"another").hexdigest()


def owner_edits_a_row(made: Recorded) -> None:
    account, index = made.chance.choice(rows(made))
    account.rows[index]["rule_version"] = 2


def legs_do_not_balance(made: Recorded) -> None:
    earned(made, "m-1", 500)
    giver, taker, key = made.ledger.account("m-1"), made.ledger.account("m-2"), made.next_key()
    taken, _ = consume(giver.lots, 10, made.ledger.now)
    made.ledger.post(giver, "transfer_out", -10, taken, key, transfer="t-9")
    made.ledger.post(taker, "transfer_in", 11, (Movement(*NONE, 11),), key, transfer="t-9")
    asked_now(made, None, kind="transfer", key=key, account="m-1", to_account="m-2", points=None)


def leg_is_missing(made: Recorded) -> None:
    earned(made, "m-1", 500)
    account, key = made.ledger.account("m-1"), made.next_key()
    taken, _ = consume(account.lots, 10, made.ledger.now)
    made.ledger.post(account, "transfer_out", -10, taken, key, transfer="t-9")
    asked_now(made, None, kind="transfer", key=key, account="m-1", to_account="m-2", points=10)


def row_appears_that_nobody_asked_for(made: Recorded) -> None:
    made.ledger.earn(made.chance.choice(ACCOUNTS), 10, "nobody", None, None, None)


def more_is_written_than_was_asked_for(made: Recorded) -> None:
    earned(made, "m-1", 50)
    made.attempts[-1]["points"] = 5


def points_go_to_another_account(made: Recorded) -> None:
    earned(made, "m-1", 50)
    made.attempts[-1]["account"] = "m-2"


def due_work_is_done_that_is_not_due(made: Recorded) -> None:
    account = made.ledger.account("m-9")
    made.ledger.post(account, "expire", -1, ())


def seq_is_left_out(made: Recorded) -> None:
    account, index = made.chance.choice(rows(made))
    for row in account.rows[index:]:
        row["seq"] += 1


def transfers_cross(made: Recorded) -> None:
    earned(made, "m-1", 500)
    made.quiet()
    giver, taker = made.ledger.account("m-1"), made.ledger.account("m-2")
    keys = [made.next_key(), made.next_key()]
    for key in keys:
        taken, _ = consume(giver.lots, 10, made.ledger.now)
        made.ledger.post(giver, "transfer_out", -10, taken, key, transfer=f"t-{key}")
    for key in reversed(keys):
        made.ledger.post(taker, "transfer_in", 10, (Movement(*NONE, 10),), key, transfer=f"t-{key}")
    for key in keys:
        asked_now(made, None, SECOND_NS, kind="transfer", key=key, account="m-1", to_account="m-2", points=10)


def order_is_earned_twice(made: Recorded) -> None:
    earned(made, "m-1", 10, "A-twice")
    made.ledger.orders.clear()
    earned(made, "m-1", 10, "A-twice")


def known_order_is_answered_with_another_entry(made: Recorded) -> None:
    first = earned(made, "m-1", 10, "A-known")
    other = earned(made, "m-1", 10, "A-other")
    assert first != other
    answer = Answer(200, other.content)
    asked = {"kind": "earn", "key": made.next_key(), "account": "m-1", "points": 10, "order": "A-known"}
    made.attempt(asked, made.at_ns + 2 * WIDTH_NS, made.at_ns + 3 * WIDTH_NS, answer, replayed=True)


def replica_lacks_a_row(made: Recorded) -> None:
    every = [row for account in made.ledger.accounts.values() for row in account.rows]
    every.pop(made.chance.randrange(len(every)))
    made.replica = every


Corrupt = Callable[[Recorded], None]

CORRUPTIONS: Final[Mapping[Corrupt, int]] = {
    acknowledged_row_is_dropped: check.LOST,
    last_acknowledged_row_is_lost_by_a_failover: check.LOST,
    acknowledged_row_is_changed: check.LOST,
    kept_refusal_is_lost: check.LOST,
    replica_lacks_a_row: check.LOST,
    row_is_written_twice: check.ONCE,
    order_is_earned_twice: check.ONCE,
    refusal_later_succeeds_under_its_key: check.ONCE,
    refused_command_is_written: check.ONCE,
    command_is_written_that_was_said_not_to_be: check.ONCE,
    row_appears_that_nobody_asked_for: check.PHANTOM,
    more_is_written_than_was_asked_for: check.PHANTOM,
    points_go_to_another_account: check.PHANTOM,
    due_work_is_done_that_is_not_due: check.PHANTOM,
    seq_is_left_out: check.DENSE,
    balance_is_shifted: check.ARITHMETIC,
    held_points_vanish: check.ARITHMETIC,
    stored_balance_is_shifted: check.ARITHMETIC,
    account_is_overdrawn: check.ARITHMETIC,
    legs_do_not_balance: check.ARITHMETIC,
    leg_is_missing: check.ARITHMETIC,
    two_seqs_are_swapped: check.REAL_TIME,
    read_is_stale: check.READS,
    read_shows_a_wrong_balance: check.READS,
    read_shows_what_nobody_asked_for_yet: check.READS,
    session_goes_back: check.READS,
    least_seq_is_ignored: check.READS,
    refusal_is_not_justified: check.REFUSALS,
    refusal_looked_at_an_old_state: check.REFUSALS,
    open_hold_is_said_to_be_closed: check.REFUSALS,
    byte_of_a_replay_is_altered: check.REPLAYS,
    refusal_is_replayed_with_other_numbers: check.REPLAYS,
    replay_claims_to_be_the_first: check.REPLAYS,
    another_request_is_answered_under_a_used_key: check.REPLAYS,
    known_order_is_answered_with_another_entry: check.REPLAYS,
    transfers_cross: check.ACROSS,
    link_of_the_chain_is_broken: check.CHAIN,
    owner_edits_a_row: check.CHAIN,
}
"""Each with the check that must find it; others may as well."""
