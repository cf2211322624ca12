"""Mismatches: questions to two tables at once, each of which has no answer in sound books.

Each statement takes a program_id and an account_id (null: all) and answers where it is (program_id, account_id, seq),
what was expected and what was found.
"""

# Both sides at once: an entry with a key that posted nothing or something else, and a key that posted no such entry.
POSTED = """
SELECT coalesce(e.program_id, o.program_id) AS program_id, coalesce(e.account_id, o.account_id) AS account_id,
    coalesce(e.seq, o.seq) AS seq,
    'key ' || idempotency_key || ' on the entry and its outcome' AS expected,
    CASE WHEN e.seq IS NULL THEN 'no entry with this key' WHEN o.seq IS NULL THEN 'no outcome that posted it'
        ELSE 'an outcome that names ' || o.account_id || ' ' || o.seq END AS found
FROM (
    SELECT program_id, idempotency_key, account_id, seq FROM ledger.entry
    WHERE idempotency_key IS NOT NULL
        AND ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)
) AS e
FULL JOIN (
    SELECT program_id, idempotency_key, account_id, seq FROM ledger.outcome
    WHERE form = 'posted' AND ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)
) AS o USING (program_id, idempotency_key)
WHERE e.seq IS NULL OR o.seq IS NULL OR (e.account_id, e.seq) <> (o.account_id, o.seq)
"""

REPEATED = """
SELECT o.program_id, o.account_id, o.seq, 'the entry that key ' || o.idempotency_key || ' repeats' AS expected,
    'no entry' AS found
FROM ledger.outcome AS o
LEFT JOIN ledger.entry AS e ON e.program_id = o.program_id AND e.account_id = o.account_id AND e.seq = o.seq
WHERE o.form = 'repeated' AND e.seq IS NULL
    AND ($1::bigint IS NULL OR o.program_id = $1) AND ($2::text IS NULL OR o.account_id = $2)
"""

# A refusal may name an account that never came to be. Program 0 holds the keys of operator calls.
OUTCOME_ACCOUNTS = """
SELECT o.program_id, o.account_id, NULL::bigint AS seq, 'the account of key ' || o.idempotency_key AS expected,
    CASE WHEN p.program_id IS NULL THEN 'no program' ELSE 'no account' END AS found
FROM ledger.outcome AS o
LEFT JOIN ledger.program AS p ON p.program_id = o.program_id
LEFT JOIN ledger.account AS a ON a.program_id = o.program_id AND a.account_id = o.account_id
WHERE ((p.program_id IS NULL AND o.program_id <> 0)
        OR (a.account_id IS NULL AND o.account_id IS NOT NULL AND o.form IN ('answered', 'together')))
    AND ($1::bigint IS NULL OR o.program_id = $1) AND ($2::text IS NULL OR o.account_id = $2)
"""

REVERSALS = """
SELECT r.program_id, r.account_id, r.reverses_seq AS seq,
    coalesce('at most ' || abs(e.points) || ' points of a ' || e.kind || ' taken or given back', 'an earn or redeem')
        AS expected,
    CASE WHEN e.seq IS NULL THEN 'no entry'
        ELSE sum(abs(r.points) + r.written_off) || ' by ' || string_agg(DISTINCT r.kind, ', ') END AS found
FROM ledger.entry AS r
LEFT JOIN ledger.entry AS e ON e.program_id = r.program_id AND e.account_id = r.account_id AND e.seq = r.reverses_seq
WHERE r.reverses_seq IS NOT NULL
    AND ($1::bigint IS NULL OR r.program_id = $1) AND ($2::text IS NULL OR r.account_id = $2)
GROUP BY r.program_id, r.account_id, r.reverses_seq, e.seq, e.kind, e.points
HAVING e.seq IS NULL OR bool_or(r.kind <> 'reverse_' || e.kind) OR sum(abs(r.points) + r.written_off) > abs(e.points)
"""

# The same order on two accounts is wrong on both, so one account alone is held against all of its program.
ORDERS = """
SELECT e.program_id, e.account_id, e.seq, 'order ' || e.order_id || ' once' AS expected,
    e.times || ' ' || e.kind || ' entries of ' || e.source AS found
FROM (
    SELECT program_id, account_id, seq, order_id, kind, source,
        count(*) OVER (PARTITION BY program_id, source, kind, order_id) AS times
    FROM ledger.entry
    WHERE order_id IS NOT NULL AND kind IN ('earn', 'redeem') AND ($1::bigint IS NULL OR program_id = $1)
) AS e
WHERE e.times > 1 AND ($2::text IS NULL OR e.account_id = $2)
"""

SETTINGS = """
SELECT p.program_id, NULL AS account_id, NULL::bigint AS seq, 'settings of version ' || p.version AS expected,
    'no settings' AS found
FROM ledger.program AS p
LEFT JOIN ledger.program_version AS v ON v.program_id = p.program_id AND v.version = p.version
WHERE v.version IS NULL AND ($1::bigint IS NULL OR p.program_id = $1) AND $2::text IS NULL
"""

MISMATCHES = (
    ("posted_outcome", POSTED),
    ("repeated_outcome", REPEATED),
    ("outcome_account", OUTCOME_ACCOUNTS),
    ("reversal", REVERSALS),
    ("order", ORDERS),
    ("settings", SETTINGS),
)
"""By the name of the check."""
