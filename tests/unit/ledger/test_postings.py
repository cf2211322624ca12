from dataclasses import fields, replace

import pytest

from ledger_service.ledger.entries import chain_hash
from ledger_service.ledger.postings import Posting, post
from ledger_service.ledger.standing import QualifyingDay, Standing
from tests.builders import NOON, account_state, hold, lot, movement, program_state


def posting(points: int, *movements, **others) -> Posting:
    chosen = {"kind": "adjust", "source": "shop-berlin", "key": "k", "occurred_at": NOON} | others
    return Posting(points=points, movements=movements, **chosen)


def test_the_entry_is_the_next_link_of_the_accounts_chain():
    account = account_state(seq=4, lots=[lot(10)])
    after, entry = post(account, posting(5, movement(5)), program_state(version=3), NOON)
    assert (entry.seq, entry.previous_hash, entry.hash) == (5, account.head_hash, chain_hash(entry))
    assert (after.seq, after.head_hash) == (5, entry.hash)
    assert (entry.rule_version, entry.transfer_id) == (3, None)


def test_law_2_what_no_lot_gives_or_gets_is_debt():
    account = account_state(lots=[lot(10)])
    after, entry = post(account, posting(-30, movement(-10)), program_state(), NOON)
    assert (after.debt, after.balance, entry.available_after) == (20, -20, -20)
    after, _ = post(after, posting(25, movement(5)), program_state(), NOON)
    assert (after.debt, after.balance, after.lots) == (0, 5, (lot(5),))


def test_rule_5_points_set_aside_stay_in_the_balance():
    account = account_state(lots=[lot(10)])
    after, entry = post(account, posting(0, movement(-4), held_change=4), program_state(), NOON)
    assert (after.balance, after.held, after.debt, entry.available_after, entry.held_after) == (10, 4, 0, 6, 4)


def test_a_posting_that_makes_points_from_nothing_is_a_bug():
    with pytest.raises(ValueError, match="debt of -5"):
        post(account_state(), posting(10, movement(5)), program_state(), NOON)


def test_a_posting_leaves_everything_else_of_the_account_as_it_was():
    account = account_state(
        status="suspended",
        version=9,
        merged_into="m-2",
        metadata='{"name":"Zoë"}',
        created_at=NOON,
        lifetime_points=70,
        lots=[lot(10)],
        holds=(hold(4),),
        standing=Standing(visits=3),
        days=(QualifyingDay(NOON.date(), 7),),
    )
    after, entry = post(account, posting(5, movement(5), lifetime_change=3), program_state(), NOON)
    changed = {
        "seq": entry.seq,
        "balance": 15,
        "head_hash": entry.hash,
        "lots": (lot(15),),
        "lifetime_points": 73,
    }
    assert after == replace(account, **changed)
    untouched = {field.name for field in fields(account)} - changed.keys() - {"held", "debt"}
    plain = account_state(account.account_id)
    same = {name for name in untouched if getattr(account, name) == getattr(plain, name)}
    assert same == {"account_id"}, "give the account of this test a value of its own for every new field"
