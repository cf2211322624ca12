-- write_holds_v2: the holds that a batch places, moves and closes, in this order. A part of write_batch_v3.
-- Takes    the gate's own lists (accounts as they shall be and as they were found, entries that are written), and of p_more
--          holds_placed [{account, hold_id, seq, points, expires_at, movements, source, order_id}, …],
--          holds_moved  [{hold_id, from, to}, …],
--          holds_closed [{account, hold_id, seq, status, captured, closed_at}, …], accounts by their places.
-- Checks   a hold is placed by one `hold` entry that sets aside its points; it moves with a merge; it is closed once, by
--          the entries of its account that redeem and give back all of its points; held = the points of the open holds.
--          That no more is captured than was held is a constraint of the table.
-- Raises   LG001.
CREATE FUNCTION ledger.write_holds_v2(
    p_program_id bigint, p_now timestamptz, ids text [], is_written boolean [],
    p_accounts ledger.proposed_account_v1 [], locked ledger.locked_account_v1 [], p_entries ledger.proposed_entry_v1 [],
    p_more json
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, ledger, pg_temp AS $$
DECLARE
    -- The entries that have to do with holds, in lists of their own.
    s_accounts integer[];
    s_seqs bigint[];
    s_kinds text[];
    s_hold_ids text[];
    s_changes bigint[];
    s_points bigint[];
    s_places integer[];
    moving record;
    is_wrong boolean;
    total bigint;
BEGIN
    SELECT coalesce(array_agg(e.account), '{}'), array_agg(e.seq), coalesce(array_agg(e.kind), '{}'),
        array_agg(e.detail ->> 'hold_id'), array_agg(e.held_change), array_agg(e.points), array_agg(e.place)
    INTO s_accounts, s_seqs, s_kinds, s_hold_ids, s_changes, s_points, s_places
    FROM (
        SELECT e.account, e.seq, e.kind, e.points, e.detail, e.ordinality AS place,
            e.held_after - coalesce(lag(e.held_after) OVER entries, locked[e.account].held) AS held_change
        FROM unnest(p_entries) WITH ORDINALITY AS e
        WINDOW entries AS (PARTITION BY e.account ORDER BY e.seq)
    ) AS e
    WHERE e.kind IN ('hold', 'release', 'merge_out', 'merge_in') OR (e.kind = 'redeem' AND (e.detail ->> 'hold_id') IS NOT NULL);

    SELECT bool_or(is_written[h.account] IS NULL OR (is_written[h.account] AND NOT EXISTS (
            SELECT FROM unnest(s_accounts, s_seqs, s_kinds, s_hold_ids, s_changes, s_places)
                AS e (account, seq, kind, hold_id, held_change, place)
            WHERE e.kind = 'hold' AND e.account = h.account AND e.seq = h.seq AND e.hold_id = h.hold_id
                AND e.held_change = h.points AND p_entries[e.place].source = h.source
                AND p_entries[e.place].order_id IS NOT DISTINCT FROM h.order_id
                AND -h.points = (
                    SELECT sum((movement.value ->> 2)::bigint)
                    FROM json_array_elements(p_entries[e.place].movements) AS movement)
                AND -h.points = (
                    SELECT CASE WHEN max((movement.value ->> 2)::bigint) < 0 THEN sum((movement.value ->> 2)::bigint) END
                    FROM json_array_elements(h.movements::json) AS movement)))),
        count(*) FILTER (WHERE is_written[h.account])
    INTO is_wrong, total
    FROM json_to_recordset(p_more -> 'holds_placed')
        AS h (account integer, hold_id text, seq bigint, points bigint, movements text, source text, order_id text);
    IF is_wrong OR total <> cardinality(array_positions(s_kinds, 'hold')) THEN
        RAISE EXCEPTION 'a hold is not what its entry says' USING ERRCODE = 'LG001';
    END IF;
    INSERT INTO hold (program_id, hold_id, account_id, origin_account_id, seq, points, status, created_at, expires_at, source,
        order_id, movements)
    SELECT p_program_id, h.hold_id, ids[h.account], ids[h.account], h.seq, h.points, 'open', p_now, h.expires_at, h.source,
        h.order_id, h.movements::json
    FROM json_to_recordset(p_more -> 'holds_placed') AS h (account integer, hold_id text, seq bigint, points bigint,
        expires_at timestamptz, movements text, source text, order_id text)
    WHERE is_written[h.account]
    ORDER BY h.hold_id COLLATE "C";

    -- One after the other: an account may be merged twice in one batch, or come back.
    FOR moving IN
        SELECT m.hold_id, m."from" AS from_account, m."to" AS to_account
        FROM json_to_recordset(p_more -> 'holds_moved') AS m (hold_id text, "from" integer, "to" integer)
    LOOP
        CONTINUE WHEN is_written[moving.from_account] IS FALSE AND is_written[moving.to_account] IS FALSE;
        IF NOT EXISTS (
            SELECT FROM unnest(s_accounts, s_kinds, s_places) AS gone (account, kind, place)
            JOIN unnest(s_accounts, s_kinds, s_places) AS come (account, kind, place)
                ON come.kind = 'merge_in' AND p_entries[come.place].transfer_id = p_entries[gone.place].transfer_id
                AND come.account = moving.to_account
            WHERE gone.account = moving.from_account AND gone.kind = 'merge_out'
        ) THEN
            RAISE EXCEPTION 'a hold moves without a merge' USING ERRCODE = 'LG001';
        END IF;
        UPDATE hold SET account_id = ids[moving.to_account]
        WHERE program_id = p_program_id AND hold_id = moving.hold_id AND account_id = ids[moving.from_account]
            AND status = 'open';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a hold moves that is not open on the account' USING ERRCODE = 'LG001';
        END IF;
    END LOOP;

    SELECT bool_or(is_written[c.account] IS NULL OR (is_written[c.account] AND NOT EXISTS (
            SELECT FROM unnest(s_accounts, s_seqs, s_kinds, s_hold_ids, s_points, s_places)
                AS e (account, seq, kind, hold_id, points, place)
            WHERE e.account = c.account AND e.seq = c.seq AND e.hold_id = c.hold_id AND CASE c.status
                WHEN 'captured' THEN e.kind = 'redeem' AND e.points = -c.captured
                WHEN 'released' THEN e.kind = 'release' AND (p_entries[e.place].detail ->> 'timed_out') IS NULL
                WHEN 'timed_out' THEN e.kind = 'release' AND p_entries[e.place].detail ->> 'timed_out' = 'true'
            END))),
        count(*) FILTER (WHERE is_written[c.account])
    INTO is_wrong, total
    FROM json_to_recordset(p_more -> 'holds_closed')
        AS c (account integer, hold_id text, seq bigint, status text, captured bigint);
    IF is_wrong THEN
        RAISE EXCEPTION 'a hold is closed by no entry' USING ERRCODE = 'LG001';
    END IF;
    -- Every point of a hold that is closed was redeemed or given back by the entries that name it, and by no others.
    WITH closed AS (
        UPDATE hold SET status = c.status, captured = c.captured, closed_seq = c.seq, closed_at = c.closed_at
        FROM json_to_recordset(p_more -> 'holds_closed')
            AS c (account integer, hold_id text, seq bigint, status text, captured bigint, closed_at timestamptz)
        CROSS JOIN LATERAL (
            SELECT one.ctid AS place FROM hold AS one
            WHERE one.program_id = p_program_id AND one.hold_id = c.hold_id AND one.account_id = ids[c.account]
                AND one.status = 'open'
            OFFSET 0
        ) AS found
        WHERE is_written[c.account] AND hold.ctid = found.place
        RETURNING c.account, hold.hold_id, hold.points
    )
    SELECT count(*) IS DISTINCT FROM total OR EXISTS (
        SELECT FROM (
            SELECT closed.account, closed.hold_id, closed.points FROM closed
            UNION ALL
            SELECT e.account, e.hold_id, e.held_change
            FROM unnest(s_accounts, s_kinds, s_hold_ids, s_changes) AS e (account, kind, hold_id, held_change)
            WHERE e.kind IN ('release', 'redeem')
        ) AS moved
        GROUP BY moved.account, moved.hold_id
        HAVING sum(moved.points) <> 0
    )
    INTO is_wrong FROM closed;
    IF is_wrong THEN
        RAISE EXCEPTION 'a hold is not open, or not all of its points were redeemed or given back' USING ERRCODE = 'LG001';
    END IF;

    IF EXISTS (
        SELECT FROM unnest(p_accounts) WITH ORDINALITY AS a
        WHERE is_written[a.ordinality] AND (a.held <> locked[a.ordinality].held OR a.ordinality = ANY (s_accounts)) AND a.held <> (
            SELECT coalesce(sum(hold.points), 0) FROM hold
            WHERE hold.program_id = p_program_id AND hold.account_id = a.account_id AND hold.status = 'open')
    ) THEN
        RAISE EXCEPTION 'the held points are not those of the open holds' USING ERRCODE = 'LG001';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ledger.write_holds_v2 FROM PUBLIC;
