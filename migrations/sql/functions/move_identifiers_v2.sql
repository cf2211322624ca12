-- move_identifiers_v2: the identifiers that follow their account into another one, or back. A part of write_batch_v3.
-- Takes    the gate's own lists, and p_more.identifiers_moved: [{identifier_id, from, to}, …] by the places of accounts.
--          is_attached: only those that this batch attaches, which may be revoked already; else only the others.
-- Checks   each identifier is where it is moved from; the two accounts merge in this batch.
-- Raises   LG001.
CREATE FUNCTION ledger.move_identifiers_v2(
    p_program_id bigint, ids text [], is_written boolean [], p_entries ledger.proposed_entry_v1 [],
    p_attachments ledger.proposed_identifier_v1 [], is_attached boolean, p_more json
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, ledger, pg_temp AS $$
DECLARE
    moving record;
BEGIN
    -- One after the other: an account may be merged twice in one batch, or come back.
    FOR moving IN
        SELECT m.identifier_id, m."from" AS from_account, m."to" AS to_account
        FROM json_to_recordset(p_more -> 'identifiers_moved') AS m (identifier_id text, "from" integer, "to" integer)
        WHERE EXISTS (SELECT FROM unnest(p_attachments) AS i WHERE i.identifier_id = m.identifier_id) = is_attached
    LOOP
        CONTINUE WHEN is_written[moving.from_account] IS FALSE AND is_written[moving.to_account] IS FALSE;
        IF NOT EXISTS (
            SELECT FROM unnest(p_entries) AS gone
            JOIN unnest(p_entries) AS come
                ON come.transfer_id = gone.transfer_id AND come.kind = 'merge_in' AND come.account = moving.to_account
            WHERE gone.account = moving.from_account AND gone.kind = 'merge_out'
        ) THEN
            RAISE EXCEPTION 'an identifier moves without a merge' USING ERRCODE = 'LG001';
        END IF;
        UPDATE identifier SET account_id = ids[moving.to_account]
        WHERE program_id = p_program_id AND identifier_id = moving.identifier_id
            AND account_id = ids[moving.from_account] AND (is_attached OR revoked_at IS NULL);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'an identifier moves that the account does not have' USING ERRCODE = 'LG001';
        END IF;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION ledger.move_identifiers_v2 FROM PUBLIC;
