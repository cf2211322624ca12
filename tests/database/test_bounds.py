"""The bounds of the hot tables: each rule on its own here, the same in as few words as can be in the constraints."""

import pytest

from tests.servers import TestDatabase, TestServer

MOST = 9007199254740991
"""2^53 - 1: what every JSON parser keeps exactly."""

COUNTS = "bigint", (-1, 0, 1)
AMOUNTS = "bigint", (-MOST - 1, -MOST, -1, 0, 1, MOST, MOST + 1)
HELD = "bigint", (-1, 0, MOST, MOST + 1)
TAKING = "redeem", "expire", "transfer_out"
GIVING = "earn", "reverse_redeem", "transfer_in"
OTHERS = "reverse_earn", "adjust", "merge_out", "merge_in", "hold", "release", "confirm", "tier"
KINDS = (*TAKING, *GIVING, *OTHERS, "gift")
"""All there are, and one that there is not."""
DETAILS = "json", (None, "{}", '{"hold_id":"h-1"}', '{"reverses_account":"m-2"}')

Column = tuple[str, tuple[object, ...]]


def hashes(size: int) -> Column:
    return "bytea", tuple("\\x" + "00" * length for length in (size - 1, size, size + 1))


def texts(size: int) -> Column:
    return "text", tuple("m" * length for length in (0, 1, size, size + 1))


SAMPLES: dict[str, dict[str, Column]] = {
    "account": {
        "version": COUNTS,
        "seq": COUNTS,
        "balance": AMOUNTS,
        "held": HELD,
        "debt": HELD,
        "lifetime_points": AMOUNTS,
        "account_id": texts(64),
        "status": ("text", ("active", "suspended", "closed", "merged", "asleep")),
        "head_hash": hashes(32),
    },
    "entry": {
        "seq": COUNTS,
        "points": AMOUNTS,
        "balance_after": ("bigint", (-MOST - 1, -MOST, 0, MOST, MOST + 1)),
        "available_after": COUNTS,
        "held_after": COUNTS,
        "written_off": ("bigint", (-1, 0)),
        "hash": ("bytea", hashes(32)[1][:2]),
        "kind": ("text", KINDS),
        "reverses_seq": ("bigint", (None, 0, 1)),
        "transfer_id": ("text", (None, "t-1")),
        "detail": DETAILS,
        "account_id": ("text", ("m-1",)),
    },
    "outcome": {
        "seq": ("bigint", (None, 1)),
        "account_id": ("text", (None, "m-1")),
        "idempotency_key": texts(255),
        "form": ("text", ("posted", "several", "repeated", "refused", "answered", "together", "forgotten")),
        "fingerprint": hashes(16),
        "detail": ("json", (None, "{}")),
    },
}

RULES: dict[str, tuple[str, ...]] = {
    "account": (
        "version >= 0",
        "seq >= 0",
        f"balance BETWEEN -{MOST} AND {MOST}",
        f"held BETWEEN 0 AND {MOST}",
        f"debt BETWEEN 0 AND {MOST}",
        f"lifetime_points BETWEEN -{MOST} AND {MOST}",
        "octet_length(account_id) BETWEEN 1 AND 64",
        "status IN ('active', 'suspended', 'closed', 'merged')",
        "octet_length(head_hash) = 32",
    ),
    "entry": (
        "seq > 0",
        f"points BETWEEN -{MOST} AND {MOST}",
        f"balance_after BETWEEN -{MOST} AND {MOST}",
        "held_after >= 0",
        "written_off >= 0",
        "octet_length(hash) = 32",
        "balance_after - available_after - held_after >= 0",
        f"kind IN ({', '.join(repr(kind) for kind in KINDS if kind != 'gift')})",
        "kind <> 'earn' OR points >= 0",
        "kind NOT IN ('redeem', 'expire', 'transfer_out') OR points < 0",
        "kind NOT IN ('reverse_redeem', 'transfer_in') OR points > 0",
        "kind <> 'reverse_earn' OR points <= 0",
        "kind <> 'adjust' OR points <> 0",
        "kind NOT IN ('hold', 'release', 'confirm', 'tier') OR points = 0",
        "kind <> 'redeem' OR available_after >= 0 OR detail ->> 'hold_id' IS NOT NULL",
        "kind NOT IN ('transfer_out', 'hold') OR available_after >= 0",
        "kind NOT IN ('hold', 'release') OR detail ->> 'hold_id' IS NOT NULL",
        "kind NOT IN ('reverse_earn', 'reverse_redeem', 'confirm') OR reverses_seq IS NOT NULL",
        "(transfer_id IS NOT NULL) = (kind IN ('transfer_out', 'transfer_in', 'merge_out', 'merge_in'))",
        "reverses_seq IS NULL OR reverses_seq < seq OR coalesce(detail ->> 'reverses_account' <> account_id, false)",
    ),
    "outcome": (
        "octet_length(idempotency_key) BETWEEN 1 AND 255",
        "octet_length(fingerprint) = 16",
        "form IN ('posted', 'several', 'repeated', 'refused', 'answered', 'together')",
        "form NOT IN ('posted', 'repeated') OR (seq IS NOT NULL AND account_id IS NOT NULL)",
        "form NOT IN ('several', 'refused', 'answered') OR detail IS NOT NULL",
    ),
}


@pytest.mark.parametrize("table", RULES)
def test_the_constraints_refuse_what_breaks_a_rule_and_nothing_else(
    postgres: TestServer, database: TestDatabase, table: str
):
    constraints = postgres.execute(
        "SELECT string_agg('coalesce(' || pg_get_expr(conbin, conrelid) || ', true)', ' AND ') FROM pg_constraint "
        f"WHERE conrelid = 'ledger.{table}'::regclass AND contype = 'c'",
        database.name,
    )
    rules = [f"coalesce({rule}, true)" for rule in RULES[table]]
    # Of each rule, how many rows it alone refuses: a sample in which there are none would prove nothing of it.
    alone = ", ".join(
        f"count(*) FILTER (WHERE NOT {rule} AND {' AND '.join(others)})"
        for rule, others in ((rule, [other for other in rules if other != rule]) for rule in rules)
    )
    rows = postgres.execute(
        f"WITH judged AS MATERIALIZED (SELECT *, {constraints} AS is_taken, {' AND '.join(rules)} AS is_sound "
        f"FROM {sample(SAMPLES[table])}) "
        "SELECT count(*) FILTER (WHERE is_taken <> is_sound), count(*) FILTER (WHERE is_sound), "
        f"array[{alone}] FROM judged",
        database.name,
    )
    differing, sound, refused_alone = rows.split("|")
    assert differing == "0"
    assert int(sound) > 0
    assert all(int(count) for count in refused_alone.strip("{}").split(",")), refused_alone


def sample(columns: dict[str, Column]) -> str:
    """All rows that have one of its values in each column, as what stands behind FROM."""
    return " CROSS JOIN ".join(
        f"(VALUES {', '.join(f'({literal(value)}::{kind})' for value in values)}) AS of_{name} ({name})"
        for name, (kind, values) in columns.items()
    )


def literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'"
