"""Corruptions of holds, transfers, merges, tiers and points that wait, in later programs of `tests.varied_books`."""

from tests.database.corruptions import Corruption

CLUB = "program_id = (SELECT program_id FROM ledger.program WHERE slug = 'club')"
WAITING = "program_id = (SELECT program_id FROM ledger.program WHERE slug = 'waiting')"
IDLE = "program_id = (SELECT program_id FROM ledger.program WHERE slug = 'idle')"


def change_entry(account_id: str, seq: int, change: str, program: str = CLUB) -> str:
    return f"UPDATE ledger.entry SET {change} WHERE {program} AND account_id = '{account_id}' AND seq = {seq}"


def change_detail(account_id: str, seq: int, was: str, becomes: str) -> str:
    return change_entry(account_id, seq, f"detail = replace(detail::text, '{was}', '{becomes}')::json")


def change_hold(hold_id: str, change: str) -> str:
    return f"UPDATE ledger.hold SET {change} WHERE {CLUB} AND hold_id = '{hold_id}'"


def change_account(account_id: str, change: str) -> str:
    return f"UPDATE ledger.account SET {change} WHERE {CLUB} AND account_id = '{account_id}'"


def change_standing(path: str, value: str) -> str:
    return change_account("c-1", f"standing = jsonb_set(standing::jsonb, '{path}', '{value}')::json")


def change_day(account_id: str, change: str) -> str:
    return f"UPDATE ledger.qualifying_day SET {change} WHERE {CLUB} AND account_id = '{account_id}'"


def change_outcome(key: str, change: str) -> str:
    return f"UPDATE ledger.outcome SET {change} WHERE {CLUB} AND idempotency_key = '{key}'"


def at(account_id: str, seq: int | None = None) -> str:
    return f"account={account_id}" if seq is None else f"account={account_id} seq={seq}"


HOLDS = [
    ("hold_points", change_hold("h-5", "points = 8"), at("c-1"), "hold"),
    ("hold_points_of_its_entry", change_hold("h-5", "points = 8"), at("c-1", 8), "hold"),
    ("hold_time_out", change_hold("h-5", "expires_at = expires_at + interval '1 day'"), at("c-1"), "hold"),
    ("hold_without_end", change_hold("h-3", "created_at = 'infinity'"), at("c-1", 6), "hold"),
    ("hold_movements", change_hold("h-5", "movements = '[[1]]'"), at("c-1"), "hold"),
    ("hold_order", change_hold("h-1", "order_id = 'P-9'"), at("c-1", 4), "hold"),
    ("hold_open_again", change_hold("h-1", "status = 'open', closed_seq = NULL, captured = 0"), at("c-1"), "hold"),
    ("hold_never_captured", change_hold("h-1", "status = 'open', closed_seq = NULL"), at("c-1", 4), "hold"),
    ("hold_closed", change_hold("h-5", "status = 'released', closed_seq = 13"), at("c-1"), "hold"),
    ("hold_captured_more", change_hold("h-2", "captured = 20"), at("c-1", 5), "hold"),
    ("hold_released_not_timed_out", change_hold("h-4", "status = 'released'"), at("c-1", 7), "hold"),
    ("hold_closed_by_another_entry", change_hold("h-3", "closed_seq = 12"), at("c-1", 6), "hold"),
    ("hold_closed_at_another_time", change_hold("h-3", "closed_at = now()"), at("c-1", 6), "hold"),
    ("hold_closed_by_another_account", change_hold("h-6", "account_id = 'c-3'"), at("c-3", 2), "hold"),
    ("hold_of_nobody", change_hold("h-5", "account_id = 'zoe'"), at("zoe"), "account"),
    ("hold_deleted", f"DELETE FROM ledger.hold WHERE {CLUB} AND hold_id = 'h-3'", at("c-1", 6), "hold"),
    ("hold_that_moved_deleted", f"DELETE FROM ledger.hold WHERE {CLUB} AND hold_id = 'h-6'", at("c-4", 2), "hold"),
    (
        "hold_made_up",
        "INSERT INTO ledger.hold (program_id, seq, points, created_at, expires_at, hold_id, account_id, "
        "origin_account_id, status, source, movements) SELECT program_id, seq, points, created_at, expires_at, 'h-99', "
        f"account_id, origin_account_id, status, source, movements FROM ledger.hold WHERE {CLUB} AND hold_id = 'h-5'",
        at("c-1"),
        "hold",
    ),
    ("hold_not_said", change_entry("c-1", 4, "detail = NULL"), at("c-1", 4), "hold"),
    ("another_hold_captured", change_detail("c-1", 10, "h-1", "h-9"), at("c-1", 10), "hold"),
    ("captured_twice", change_detail("c-1", 12, "h-2", "h-1"), at("c-1", 12), "hold"),
    ("captured_other_points", change_detail("c-1", 12, "[[null,", "[[1796774400000000,"), at("c-1", 12), "hold"),
    ("held_after_a_hold", change_entry("c-1", 8, "held_after = 40"), at("c-1", 8), "held_after"),
    ("held_by_an_earn", change_entry("c-2", 1, "held_after = 5"), at("c-2", 1), "held_after"),
    ("pending_held", change_entry("c-1", 8, "movements = '[[null,1796472000000000,-7]]'"), at("c-1", 8), "lot_dates"),
    ("held_account", change_account("c-1", "held = held - 1"), at("c-1"), "account_row"),
    ("due_hold_forgotten", change_account("c-1", "next_due_at = NULL"), at("c-1"), "account_row"),
]

REACHED = [
    ("day_points", change_day("c-1", "points = points + 1"), at("c-1"), "qualifying_day"),
    ("day_spend", change_day("c-1", "spend = 'NaN'"), at("c-1"), "qualifying_day"),
    ("day_visits", change_day("c-5", "visits = 2"), at("c-5"), "qualifying_day"),
    ("day_shifted", change_day("c-5", "day = day + 1"), at("c-5"), "qualifying_day"),
    (
        "day_deleted",
        f"DELETE FROM ledger.qualifying_day WHERE {CLUB} AND account_id = 'c-5'",
        at("c-5"),
        "qualifying_day",
    ),
    ("day_of_nobody", change_day("c-5", "account_id = 'zoe'"), at("zoe"), "account"),
    ("spend", change_standing("{spend}", '"31.00"'), at("c-1"), "standing"),
    ("visits", change_standing("{visits}", "2"), at("c-1"), "standing"),
    ("tier_level", change_standing("{tier,0}", '"silver"'), at("c-1"), "standing"),
    ("tier_valid_until", change_standing("{tier,2}", "1796601600000001"), at("c-1"), "standing"),
    ("tier_floor", change_standing("{floor}", '["silver",1796601600000000,null]'), at("c-1"), "standing"),
    ("redeemed_today", change_standing("{redeemed,1}", "0"), at("c-1"), "standing"),
    ("standing_gone", change_account("c-1", "standing = NULL"), at("c-1"), "standing"),
    ("standing_of_a_newcomer", change_account("c-2", "standing = '{\"visits\":1}'"), at("c-2"), "standing"),
    ("standing_unreadable", change_account("c-1", "standing = '[]'"), at("c-1"), "standing"),
    ("detail_text", change_detail("c-1", 1, "60.00", "61.00"), at("c-1", 1), "hash"),
    ("detail_spend", change_detail("c-1", 1, "60.00", "61.00"), at("c-1"), "standing"),
    ("detail_gone", change_entry("c-1", 1, "detail = NULL"), at("c-1", 1), "hash"),
    ("detail_unreadable", change_entry("c-1", 1, "detail = '[]'"), at("c-1", 1), "readable"),
    ("detail_parts", change_detail("c-1", 1, "[60,null", "[61,null"), at("c-1", 1), "parts"),
    ("tier_with_points", change_entry("c-7", 2, "points = 1"), at("c-7", 2), "kind"),
]

BETWEEN_ACCOUNTS = [
    (
        "transfer_in_missing",
        f"DELETE FROM ledger.entry WHERE {CLUB} AND account_id = 'c-2' AND seq = 2",
        at("c-1", 17),
        "transfer",
    ),
    ("transfer_unequal", change_entry("c-2", 2, "points = 5"), at("c-1", 17), "transfer"),
    ("transfer_unequal_there", change_entry("c-2", 2, "points = 5"), at("c-2", 2), "transfer"),
    ("transfer_to_another", change_entry("c-1", 17, 'detail = \'{"counterpart":"c-4"}\''), at("c-1", 17), "transfer"),
    ("transfer_both_out", change_entry("c-2", 2, "kind = 'transfer_out'"), at("c-2", 2), "transfer"),
    ("transfer_at_two_times", change_entry("c-2", 2, "recorded_at = now()"), at("c-2", 2), "transfer"),
    (
        "transfer_of_three",
        change_entry(
            "c-6",
            3,
            "transfer_id = (SELECT transfer_id FROM ledger.entry WHERE account_id = 'c-2' AND seq = 2 LIMIT 1)",
        ),
        at("c-6", 3),
        "transfer",
    ),
    ("transfer_without_id", change_entry("c-2", 2, "transfer_id = NULL"), at("c-2", 2), "kind"),
    ("merge_lifetime", change_detail("c-4", 2, '"lifetime":30', '"lifetime":31'), at("c-3", 3), "transfer"),
    ("merge_spend", change_detail("c-4", 2, '"spend":"20.00"', '"spend":"20.01"'), at("c-3", 3), "transfer"),
    ("merge_visits_unreadable", change_detail("c-4", 2, '"visits":1', '"visits":"x"'), at("c-3", 3), "transfer"),
    ("merge_days", change_detail("c-4", 2, '"20.00",1]', '"20.00",2]'), at("c-3", 3), "transfer"),
    ("merge_holds", change_detail("c-4", 2, '"h-6"', '"h-9"'), at("c-4", 2), "hold"),
    ("merge_holds_unequal", change_detail("c-4", 2, '"h-6"', ""), at("c-3", 3), "transfer"),
    ("merge_of_what", change_entry("c-4", 2, "detail = NULL"), at("c-4", 2), "merged"),
    ("merge_leaves_points", change_entry("c-3", 3, "points = -29, balance_after = 1"), at("c-3", 3), "merged"),
    (
        "merged_account_earns",
        "INSERT INTO ledger.entry (program_id, seq, points, balance_after, available_after, held_after, written_off, "
        "occurred_at, recorded_at, rule_version, account_id, kind, source, metadata, movements, hash) "
        "SELECT program_id, 4, points, points, points, 0, 0, occurred_at, recorded_at, rule_version, 'c-3', kind, "
        f"source, metadata, movements, hash FROM ledger.entry WHERE {CLUB} AND account_id = 'c-2' AND seq = 1",
        at("c-3", 4),
        "merged",
    ),
    ("merged_elsewhere", change_account("c-3", "merged_into = 'c-6'"), at("c-3"), "account_row"),
    ("merged_no_more", change_account("c-3", "status = 'active'"), at("c-3"), "account_row"),
    ("merged_by_nothing", change_account("c-2", "status = 'merged'"), at("c-2"), "account_row"),
    ("taken_back_elsewhere_too_much", change_entry("c-4", 5, "written_off = 21"), at("c-3", 1), "reversal"),
    ("taken_back_from_nobody", change_detail("c-4", 5, '"c-3"', '"zoe"'), at("zoe", 1), "reversal"),
    (
        "several_name_another_entry",
        change_outcome("transfer", 'detail = \'{"entries":[["c-1",17],["c-2",1]]}\''),
        at("c-2", 1),
        "posted_outcome",
    ),
    (
        "several_name_too_few",
        change_outcome("refund", 'detail = \'{"entries":[["c-1",14]]}\''),
        at("c-1", 15),
        "posted_outcome",
    ),
    ("several_name_nothing", change_outcome("refund", "detail = '{}'"), at("c-1"), "posted_outcome"),
    (
        "several_name_what_is_no_entry",
        change_outcome("refund", 'detail = \'{"entries":[7,["c-1","x"]]}\''),
        at("c-1"),
        "posted_outcome",
    ),
    (
        "several_deleted",
        f"DELETE FROM ledger.outcome WHERE {CLUB} AND idempotency_key = 'transfer'",
        at("c-2", 2),
        "posted_outcome",
    ),
    ("several_of_nobody", change_outcome("transfer", "account_id = 'zoe'"), at("zoe"), "outcome_account"),
]

THAT_WAIT = [
    (
        "lot_waits_no_more",
        f"UPDATE ledger.lot SET available_at = '2027-01-01' WHERE {WAITING} AND available_at = 'infinity'",
        at("w-1"),
        "lot",
    ),
    ("freed_a_redeem", change_entry("w-1", 4, "reverses_seq = 6", WAITING), at("w-1", 6), "reversal"),
    (
        "freed_twice",
        change_entry("w-1", 5, "kind = 'confirm', reverses_seq = 1, points = 0", WAITING),
        at("w-1", 1),
        "reversal",
    ),
    (
        "freed_usable_points",
        change_entry("w-1", 4, "movements = '[[null,null,-1],[null,null,1]]'", WAITING),
        at("w-1", 4),
        "lot_dates",
    ),
    (
        "waiting_redeemed",
        change_entry("w-1", 6, "movements = '[[null,253402300799999999,-3]]'", WAITING),
        at("w-1", 6),
        "lot_dates",
    ),
]

KEPT_BY_ACTIVITY = [
    (
        "moved_to_an_earlier_date",
        change_entry("i-1", 2, "movements = jsonb_set(movements::jsonb, '{1,0}', '1796472000000000')::json", IDLE),
        at("i-1", 2),
        "lot_dates",
    ),
    (
        "consumed_something_else",
        change_entry("i-1", 5, "detail = jsonb_set(detail::jsonb, '{consumed,0,2}', '-29')::json", IDLE),
        at("i-1", 5),
        "lot_dates",
    ),
    ("consumed_unsaid", change_entry("i-1", 5, "detail = NULL", IDLE), at("i-1", 5), "hash"),
]

CORRUPTIONS_OF_LIFE = [
    *(Corruption(*one, "club") for one in (*HOLDS, *REACHED, *BETWEEN_ACCOUNTS)),
    *(Corruption(*one, "waiting") for one in THAT_WAIT),
    *(Corruption(*one, "idle") for one in KEPT_BY_ACTIVITY),
]
