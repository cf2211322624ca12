-- check_transfers_v2: transfers and merges, as far as their two accounts must agree. A part of write_batch_v3.
-- Takes    the gate's own lists: accounts as they shall be and as they were found, entries that are written.
-- Checks   two entries for each transfer_id, on two accounts, one out and one in, points that come to nothing; so do the
--          held points and the lifetime points that a merge moves. An account becomes a merged one by its last entry, a
--          merge_out into the account it names, and comes back by its first one, a merge_in from there.
-- Raises   LG001.
CREATE FUNCTION ledger.check_transfers_v2(
    ids text [], is_written boolean [], p_accounts ledger.proposed_account_v1 [], locked ledger.locked_account_v1 [],
    p_entries ledger.proposed_entry_v1 []
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, ledger, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (
            SELECT e.account, e.kind, e.points, e.transfer_id, e.detail,
                e.held_after - coalesce(lag(e.held_after) OVER entries, locked[e.account].held) AS held_change
            FROM unnest(p_entries) AS e
            WINDOW entries AS (PARTITION BY e.account ORDER BY e.seq)
        ) AS e
        WHERE e.transfer_id IS NOT NULL
        GROUP BY e.transfer_id
        HAVING count(*) <> 2 OR min(e.account) = max(e.account) OR sum(e.points) <> 0 OR sum(e.held_change) <> 0
            OR sum(coalesce((e.detail #>> '{merged,lifetime}')::bigint, 0)) <> 0
            OR (min(e.kind), max(e.kind)) NOT IN (('transfer_in', 'transfer_out'), ('merge_in', 'merge_out'))
    ) THEN
        RAISE EXCEPTION 'the two entries of a transfer do not agree' USING ERRCODE = 'LG001';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(p_accounts) WITH ORDINALITY AS a
        WHERE is_written[a.ordinality] AND a.seq <> locked[a.ordinality].seq AND (
            (a.status = 'merged' AND NOT EXISTS (
                SELECT FROM unnest(p_entries) AS gone
                JOIN unnest(p_entries) AS come
                    ON come.transfer_id = gone.transfer_id AND come.kind = 'merge_in' AND ids[come.account] = a.merged_into
                WHERE gone.account = a.ordinality AND gone.seq = a.seq AND gone.kind = 'merge_out'))
            OR (locked[a.ordinality].status = 'merged' AND NOT EXISTS (
                SELECT FROM unnest(p_entries) AS back
                JOIN unnest(p_entries) AS given
                    ON given.transfer_id = back.transfer_id AND given.kind = 'merge_out' AND ids[given.account] = locked[a.ordinality].merged_into
                WHERE back.account = a.ordinality AND back.seq = locked[a.ordinality].seq + 1 AND back.kind = 'merge_in')))
    ) THEN
        RAISE EXCEPTION 'an account is merged, or comes back, by no merge' USING ERRCODE = 'LG001';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ledger.check_transfers_v2 FROM PUBLIC;
