"""Corruptions: what somebody who can do anything to the database may do to the books of `tests.varied_books`."""

from typing import NamedTuple


class Corruption(NamedTuple):
    """Something done to the books by someone who can do anything to the database."""

    name: str
    statement: str
    place: str
    check: str
    program: str = "demo"


DEMO = "program_id = (SELECT program_id FROM ledger.program WHERE slug = 'demo')"


def place_of(account_id: str, seq: int) -> str:
    return f"{DEMO} AND account_id = '{account_id}' AND seq = {seq}"


def change_entry(account_id: str, seq: int, change: str) -> str:
    return f"UPDATE ledger.entry SET {change} WHERE {place_of(account_id, seq)}"


def change_account(change: str) -> str:
    return f"UPDATE ledger.account SET {change} WHERE {DEMO} AND account_id = 'm-1'"


ZEROS = "decode(repeat('00', 32), 'hex')"
FIRST, THIRD, FOURTH, SIXTH, LAST = (f"account=m-1 seq={seq}" for seq in (1, 3, 4, 6, 11))

CORRUPTIONS = [
    Corruption("points", change_entry("m-1", 3, "points = points + 1"), THIRD, "balance_after"),
    Corruption("points_hash", change_entry("m-1", 3, "points = points + 1"), THIRD, "hash"),
    Corruption("points_total", change_entry("m-1", 3, "points = points + 1"), "", "trial_balance"),
    Corruption("balance_after", change_entry("m-1", 3, "balance_after = balance_after - 1"), THIRD, "balance_after"),
    Corruption("available_after", change_entry("m-1", 3, "available_after = 5"), THIRD, "available_after"),
    Corruption("held_after", change_entry("m-1", 3, "held_after = 1"), THIRD, "held_after"),
    Corruption("reason", change_entry("m-1", 3, "reason = 'as agreed'"), THIRD, "hash"),
    Corruption("metadata", change_entry("m-1", 3, "metadata = '{\"a\": 1}'"), THIRD, "hash"),
    Corruption("recorded_at", change_entry("m-1", 3, "recorded_at = recorded_at - interval '1 day'"), THIRD, "hash"),
    Corruption("rule_version", change_entry("m-1", 3, "rule_version = 9"), THIRD, "rule_version"),
    Corruption("kind", change_entry("m-1", 3, "kind = 'redeem'"), THIRD, "kind"),
    Corruption("unknown_kind", change_entry("m-1", 3, "kind = 'gift'"), THIRD, "kind"),
    Corruption("reverses", change_entry("m-1", 3, "reverses_seq = 1"), THIRD, "kind"),
    Corruption("not_movements", change_entry("m-1", 3, "movements = '[[1]]'"), THIRD, "readable"),
    Corruption("a_date_no_one_can_read", change_entry("m-1", 3, "expires_at = 'infinity'"), THIRD, "readable"),
    Corruption("lot_overdrawn", change_entry("m-1", 4, "movements = '[[null,null,-700]]'"), FOURTH, "lot_below_zero"),
    Corruption(
        "pending_redeemed",
        change_entry("m-1", 4, "movements = '[[1797076800000000,1796472000000000,-30],[null,null,-40]]'"),
        FOURTH,
        "lot_dates",
    ),
    Corruption("expired_early", change_entry("m-1", 8, "occurred_at = 'epoch'"), "account=m-1 seq=8", "lot_dates"),
    Corruption("earned_into_no_lot", change_entry("m-1", 3, "movements = '[]'"), THIRD, "debt"),
    Corruption(
        "debt_beside_points", change_entry("m-2", 2, "movements = '[[null,null,-19]]'"), "account=m-2 seq=2", "debt"
    ),
    Corruption("entry_deleted", f"DELETE FROM ledger.entry WHERE {place_of('m-1', 3)}", FOURTH, "seq"),
    Corruption(
        "first_entry_deleted", f"DELETE FROM ledger.entry WHERE {place_of('m-1', 1)}", "account=m-1 seq=2", "seq"
    ),
    Corruption(
        "last_entry_deleted", f"DELETE FROM ledger.entry WHERE {place_of('m-1', 11)}", "account=m-1", "account_row"
    ),
    Corruption("last_entry_gone", f"DELETE FROM ledger.entry WHERE {place_of('m-1', 11)}", LAST, "posted_outcome"),
    Corruption(
        "two_entries_swapped",
        ";".join(change_entry("m-1", was, f"seq = {becomes}") for was, becomes in ((3, 99), (4, 3), (99, 4))),
        THIRD,
        "hash",
    ),
    Corruption(
        "entry_made_up",
        "INSERT INTO ledger.entry SELECT program_id, 12, points, balance_after, available_after, held_after, "
        "written_off, reverses_seq, occurred_at, recorded_at, available_at, expires_at, xid, rule_version, account_id, "
        "kind, source, 'made-up', NULL, transfer_id, reason, metadata, movements, hash FROM ledger.entry "
        f"WHERE {place_of('m-1', 3)}",
        "account=m-1 seq=12",
        "hash",
    ),
    Corruption("account_balance", change_account("balance = balance + 1"), "account=m-1", "account_row"),
    Corruption("account_balance_total", change_account("balance = balance + 1"), "", "trial_balance"),
    Corruption("account_seq", change_account("seq = seq + 1"), "account=m-1", "account_row"),
    Corruption("account_held", change_account("held = 1"), "account=m-1", "account_row"),
    Corruption("account_debt", change_account("debt = 1"), "account=m-1", "account_row"),
    Corruption("account_lifetime", change_account("lifetime_points = 0"), "account=m-1", "account_row"),
    Corruption("account_due", change_account("next_due_at = NULL"), "account=m-1", "account_row"),
    Corruption("account_hash", change_account(f"head_hash = {ZEROS}"), "account=m-1", "account_row"),
    Corruption(
        "account_deleted", f"DELETE FROM ledger.account WHERE {DEMO} AND account_id = 'm-3'", "account=m-3", "account"
    ),
    Corruption(
        "lot_changed", f"UPDATE ledger.lot SET remaining = 1 WHERE {DEMO} AND account_id = 'm-2'", "account=m-2", "lot"
    ),
    Corruption("lot_deleted", f"DELETE FROM ledger.lot WHERE {DEMO} AND account_id = 'm-2'", "account=m-2", "lot"),
    Corruption(
        "lot_made_up",
        "INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining) "
        f"SELECT program_id, 'm-2', now(), '-infinity', 5 FROM ledger.program WHERE {DEMO}",
        "account=m-2",
        "lot",
    ),
    Corruption(
        "lots_of_nobody",
        "INSERT INTO ledger.lot (program_id, account_id, expires_at, available_at, remaining) "
        f"SELECT program_id, 'zoe', 'infinity', '-infinity', 5 FROM ledger.program WHERE {DEMO}",
        "account=zoe",
        "account",
    ),
    Corruption(
        "outcome_deleted", "DELETE FROM ledger.outcome WHERE idempotency_key = 'first'", FIRST, "posted_outcome"
    ),
    Corruption(
        "outcome_of_another_entry",
        "UPDATE ledger.outcome SET seq = 3 WHERE idempotency_key = 'first'",
        FIRST,
        "posted_outcome",
    ),
    Corruption(
        "outcome_refused",
        "UPDATE ledger.outcome SET form = 'refused', detail = '{}' WHERE idempotency_key = 'first'",
        FIRST,
        "posted_outcome",
    ),
    Corruption(
        "repeated_nothing",
        "UPDATE ledger.outcome SET seq = 77 WHERE form = 'repeated'",
        "account=m-1 seq=77",
        "repeated_outcome",
    ),
    Corruption(
        "answered_about_nobody",
        "UPDATE ledger.outcome SET account_id = 'zoe' WHERE form = 'together'",
        "account=zoe",
        "outcome_account",
    ),
    Corruption("taken_back_too_much", change_entry("m-1", 5, "written_off = 61"), FIRST, "reversal"),
    Corruption("given_back_an_earn", change_entry("m-1", 6, "reverses_seq = 3"), THIRD, "reversal"),
    Corruption("gave_back_nothing", change_entry("m-1", 6, "reverses_seq = 0"), "account=m-1 seq=0", "reversal"),
    Corruption("order_twice", change_entry("m-1", 3, "order_id = 'A-1'"), FIRST, "order"),
    Corruption("settings_deleted", f"DELETE FROM ledger.program_version WHERE {DEMO}", FIRST, "rule_version"),
    Corruption("settings_gone", f"DELETE FROM ledger.program_version WHERE {DEMO}", "", "settings"),
]

# Nothing of what keeps the books from being changed stands in the way.
UNGUARDED = """
ALTER TABLE ledger.entry DISABLE TRIGGER ALL; ALTER TABLE ledger.outcome DISABLE TRIGGER ALL;
ALTER TABLE ledger.program_version DISABLE TRIGGER ALL; ALTER TABLE ledger.account DISABLE TRIGGER ALL;
ALTER TABLE ledger.entry DROP CONSTRAINT entry_in_bounds, DROP CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.entry DROP CONSTRAINT entry_reverses_what_came_before;
ALTER TABLE ledger.hold DROP CONSTRAINT hold_is_closed_by_an_entry, DROP CONSTRAINT hold_captures_something;
DROP INDEX ledger.entry_order; DROP INDEX ledger.entry_transfer;
"""
