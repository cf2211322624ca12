"""Mismatches: questions to two tables at once, each of which has no answer in sound books.

Each statement takes a program_id and an account_id (null: all) and answers where it is (program_id, account_id, seq),
what was expected and what was found.
"""

# Both sides at once: an entry with a key that did not post it, and a key that posted no such entry. A key of `several`
# names its entries in its detail, which may be anything in books that were tampered with.
POSTED = """
SELECT coalesce(e.program_id, o.program_id) AS program_id, coalesce(e.account_id, o.account_id) AS account_id,
    coalesce(e.seq, o.seq) AS seq,
    'key ' || idempotency_key || ' on the entry and its outcome' AS expected,
    CASE WHEN e.account_id IS NULL THEN 'no such entry with this key' ELSE 'no outcome that posted it' END AS found
FROM (
    SELECT program_id, idempotency_key, account_id, seq FROM ledger.entry
    WHERE idempotency_key IS NOT NULL
        AND ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)
) AS e
FULL JOIN (
    SELECT program_id, idempotency_key, account_id, seq FROM ledger.outcome
    WHERE form = 'posted' AND ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)
    UNION ALL
    SELECT o.program_id, o.idempotency_key, coalesce(named.entry ->> 0, o.account_id),
        CASE WHEN named.entry ->> 1 ~ '^[0-9]{1,18}$' THEN (named.entry ->> 1)::bigint END
    FROM ledger.outcome AS o
    CROSS JOIN LATERAL json_array_elements(
        CASE WHEN json_typeof(o.detail -> 'entries') = 'array' THEN o.detail -> 'entries' ELSE '[null]' END
    ) AS named (entry)
    WHERE o.form = 'several' AND ($1::bigint IS NULL OR o.program_id = $1)
        AND ($2::text IS NULL OR coalesce(named.entry ->> 0, o.account_id) = $2)
) AS o USING (program_id, idempotency_key, account_id, seq)
WHERE e.seq IS NULL OR o.seq IS NULL
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
        OR (a.account_id IS NULL AND o.account_id IS NOT NULL AND o.form IN ('answered', 'together', 'several')))
    AND ($1::bigint IS NULL OR o.program_id = $1) AND ($2::text IS NULL OR o.account_id = $2)
"""

# What the survivor of a merge undid of the other account's entries counts beside what that account undid itself.
REVERSALS = """
SELECT r.program_id, r.of_account AS account_id, r.reverses_seq AS seq,
    CASE WHEN e.kind IN ('earn', 'redeem')
        THEN 'at most ' || abs(e.points) || ' points of a ' || e.kind || ' taken or given back, and freed once at most'
        ELSE 'an earn or redeem' END AS expected,
    CASE WHEN e.seq IS NULL THEN 'no entry'
        ELSE sum(abs(r.points) + r.written_off) || ' by ' || string_agg(r.kind, ', ' ORDER BY r.kind) END AS found
FROM (
    SELECT program_id, account_id, kind, points, written_off, reverses_seq,
        coalesce(detail ->> 'reverses_account', account_id) AS of_account
    FROM ledger.entry
    WHERE reverses_seq IS NOT NULL AND ($1::bigint IS NULL OR program_id = $1)
) AS r
LEFT JOIN ledger.entry AS e ON e.program_id = r.program_id AND e.account_id = r.of_account AND e.seq = r.reverses_seq
WHERE $2::text IS NULL OR r.of_account = $2
GROUP BY r.program_id, r.of_account, r.reverses_seq, e.seq, e.kind, e.points
HAVING e.seq IS NULL OR sum(abs(r.points) + r.written_off) > abs(e.points)
    OR bool_or(r.kind <> CASE WHEN r.kind = 'confirm' AND e.kind = 'earn' THEN 'confirm' ELSE 'reverse_' || e.kind END)
    OR count(*) FILTER (WHERE r.kind = 'confirm') > 1
"""

# Each of the two entries is held against the other one, which may be missing; a third one differs from one of them.
TRANSFERS = """
WITH paired AS MATERIALIZED (
    SELECT program_id, account_id, seq, kind, points, transfer_id, recorded_at, detail::jsonb AS detail,
        split_part(kind, '_', 1) || CASE split_part(kind, '_', 2) WHEN 'out' THEN '_in' ELSE '_out' END AS other_kind
    FROM ledger.entry WHERE transfer_id IS NOT NULL AND ($1::bigint IS NULL OR program_id = $1)
),
compared AS (
    SELECT a.program_id, a.account_id, a.seq, a.kind, a.points, a.transfer_id,
        CASE WHEN b.seq IS NULL THEN 'no other entry'
            WHEN b.kind <> a.other_kind THEN 'a ' || b.kind
            WHEN b.points <> -a.points THEN b.points || ' points in ' || b.account_id || ' ' || b.seq
            WHEN a.detail ->> 'counterpart' IS DISTINCT FROM b.account_id THEN 'it in ' || b.account_id
            WHEN b.recorded_at <> a.recorded_at THEN 'it recorded at ' || b.recorded_at
            WHEN moved.counters IS DISTINCT FROM got.counters THEN 'other counters moved: ' || got.counters::text
            WHEN moved.days IS DISTINCT FROM got.days THEN 'other days moved: ' || coalesce(got.days::text, 'none')
        END AS found
    FROM paired AS a
    LEFT JOIN paired AS b ON b.program_id = a.program_id AND b.transfer_id = a.transfer_id
        AND (b.account_id, b.seq) <> (a.account_id, a.seq)
    CROSS JOIN LATERAL (
        SELECT jsonb_build_array(
            jsonb_path_query_first(a.detail, '-$.merged.lifetime', '{}', true),
            jsonb_path_query_first(a.detail, '-$.merged.spend.double()', '{}', true),
            jsonb_path_query_first(a.detail, '-$.merged.visits', '{}', true),
            a.detail #> '{merged,holds}', a.detail #> '{merged,identifiers}', a.detail #> '{merged,undoes}'
        ) AS counters, (
            SELECT jsonb_object_agg(day ->> 0, jsonb_build_array(
                jsonb_path_query_first(day, '-$[1]', '{}', true),
                jsonb_path_query_first(day, '-$[2].double()', '{}', true),
                jsonb_path_query_first(day, '-$[3]', '{}', true)))
            FROM jsonb_path_query(a.detail, '$.merged.days[*]', '{}', true) AS day WHERE day ->> 0 IS NOT NULL
        ) AS days
    ) AS moved
    CROSS JOIN LATERAL (
        SELECT jsonb_build_array(
            b.detail #> '{merged,lifetime}',
            jsonb_path_query_first(b.detail, '$.merged.spend.double()', '{}', true),
            b.detail #> '{merged,visits}',
            b.detail #> '{merged,holds}', b.detail #> '{merged,identifiers}', b.detail #> '{merged,undoes}'
        ) AS counters, (
            SELECT jsonb_object_agg(day ->> 0, jsonb_build_array(
                day -> 1, jsonb_path_query_first(day, '$[2].double()', '{}', true), day -> 3))
            FROM jsonb_path_query(b.detail, '$.merged.days[*]', '{}', true) AS day WHERE day ->> 0 IS NOT NULL
        ) AS days
    ) AS got
)
SELECT program_id, account_id, seq,
    'the other side of a ' || kind || ' of ' || points || ' points, transfer ' || transfer_id AS expected, found
FROM compared WHERE found IS NOT NULL AND ($2::text IS NULL OR account_id = $2)
"""

# A hold's row, as the entry that placed it and those that closed it say. It is named by the place of the former.
HOLDS = """
WITH placed AS (
    SELECT program_id, account_id, seq, detail ->> 'hold_id' AS hold_id,
        concat_ws(' ', detail #>> '{hold,points}', 'points until', detail #>> '{hold,expires_at}', 'of', source,
            'for', order_id, 'from', movements, 'at', recorded_at) AS facts
    FROM ledger.entry
    WHERE kind = 'hold' AND ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR account_id = $2)
),
closed AS (
    SELECT program_id, detail ->> 'hold_id' AS hold_id,
        concat_ws(' ', CASE WHEN bool_or(kind = 'redeem') THEN 'captured'
                WHEN bool_or(detail ->> 'timed_out' = 'true') THEN 'timed_out' ELSE 'released' END,
            'with', coalesce(-sum(points), 0), 'captured, by', string_agg(DISTINCT account_id, ', '),
            coalesce(max(seq) FILTER (WHERE kind = 'redeem'), max(seq)), 'at', max(occurred_at)) AS facts
    FROM ledger.entry
    WHERE kind IN ('release', 'redeem') AND detail ->> 'hold_id' IS NOT NULL AND ($1::bigint IS NULL OR program_id = $1)
    GROUP BY program_id, detail ->> 'hold_id'
),
stored AS (
    SELECT program_id, origin_account_id AS account_id, seq, hold_id,
        concat_ws(' ', points, 'points until', trim_scale(extract(epoch FROM expires_at) * 1000000), 'of', source,
            'for', order_id, 'from', movements, 'at', created_at) AS facts,
        CASE WHEN status = 'open' AND closed_seq IS NULL AND closed_at IS NULL AND captured = 0 THEN 'open'
            ELSE concat_ws(' ', status, 'with', captured, 'captured, by', account_id, closed_seq, 'at', closed_at)
            END AS closing
    FROM ledger.hold
    WHERE ($1::bigint IS NULL OR program_id = $1) AND ($2::text IS NULL OR origin_account_id = $2)
)
SELECT program_id, account_id, seq,
    'hold ' || hold_id || ': ' || coalesce(p.facts || ', ' || coalesce(c.facts, 'open'), 'placed by an entry')
        AS expected,
    coalesce(h.facts || ', ' || h.closing, 'no hold') AS found
FROM placed AS p
FULL JOIN stored AS h USING (program_id, account_id, seq, hold_id)
LEFT JOIN closed AS c USING (program_id, hold_id)
WHERE (p.facts, coalesce(c.facts, 'open')) IS DISTINCT FROM (h.facts, h.closing)
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
    ("transfer", TRANSFERS),
    ("hold", HOLDS),
    ("order", ORDERS),
    ("settings", SETTINGS),
)
"""By the name of the check."""
