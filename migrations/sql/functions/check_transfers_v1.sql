-- check_transfers_v1: transfers and merges, as far as their two accounts must agree. A part of write_batch_v2.
-- Takes    the gate's own lists (a_: accounts as they shall be, else as they are; e_: entries).
-- Checks   two entries for each transfer_id, on two accounts, one out and one in, points that come to nothing; so do the
--          held points and the lifetime points that a merge moves. An account becomes a merged one by its last entry, a
--          merge_out into the account it names, and comes back by its first one, a merge_in from there.
-- Raises   LG001.
CREATE FUNCTION ledger.check_transfers_v1(
    ids text [], is_written boolean [], a_statuses text [], statuses text [], a_merged_intos text [], merged_intos text [],
    a_seqs bigint [], seqs bigint [], helds bigint [],
    e_accounts integer [], e_seqs bigint [], e_kinds text [], e_points bigint [], e_helds bigint [], e_transfer_ids text [],
    e_details text []
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, ledger, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (
            SELECT e.account, e.kind, e.points, e.transfer_id, e.detail::json AS detail,
                e.held - coalesce(lag(e.held) OVER entries, helds[e.account]) AS held_change
            FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_helds, e_transfer_ids, e_details)
                AS e (account, seq, kind, points, held, transfer_id, detail)
            WHERE is_written[e.account]
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
        SELECT FROM unnest(is_written, a_statuses, statuses, a_merged_intos, merged_intos, a_seqs, seqs) WITH ORDINALITY
            AS a (stays, status, status_now, merged_into, merged_into_now, seq, seq_now, place)
        WHERE a.stays AND a.seq <> a.seq_now AND (
            (a.status = 'merged' AND NOT EXISTS (
                SELECT FROM unnest(e_accounts, e_seqs, e_kinds, e_transfer_ids) AS gone (account, seq, kind, transfer_id)
                JOIN unnest(e_accounts, e_kinds, e_transfer_ids) AS come (account, kind, transfer_id)
                    ON come.transfer_id = gone.transfer_id AND come.kind = 'merge_in' AND ids[come.account] = a.merged_into
                WHERE gone.account = a.place AND gone.seq = a.seq AND gone.kind = 'merge_out'))
            OR (a.status_now = 'merged' AND NOT EXISTS (
                SELECT FROM unnest(e_accounts, e_seqs, e_kinds, e_transfer_ids) AS back (account, seq, kind, transfer_id)
                JOIN unnest(e_accounts, e_kinds, e_transfer_ids) AS given (account, kind, transfer_id)
                    ON given.transfer_id = back.transfer_id AND given.kind = 'merge_out' AND ids[given.account] = a.merged_into_now
                WHERE back.account = a.place AND back.seq = a.seq_now + 1 AND back.kind = 'merge_in')))
    ) THEN
        RAISE EXCEPTION 'an account is merged, or comes back, by no merge' USING ERRCODE = 'LG001';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ledger.check_transfers_v1 FROM PUBLIC;
