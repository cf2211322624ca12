-- write_batch_v2: the only way into the books. One batch of one program in one transaction.
-- Takes    what the core proposes. Accounts: sorted by account_id, with the version and head hash they were loaded at and
--          what they shall be. Entries, lots and keys name their account by its place in that list (1, 2, …; a key of an
--          account that is not in the books: 0). Lots: the net change of each. Keys: all outcomes but the posted ones,
--          which the entries themselves carry, so that no outcome can name an entry that is not there; the entries of a
--          `several` outcome carry its key, and no fingerprint. p_more: null for most batches, else lists of what few of
--          them do: holds_placed, holds_moved, holds_closed (write_holds_v1), identifiers_moved, days.
-- Locks    new account rows in account_id order, then the existing ones in account_id order; every writer does.
-- Checks   lists fit; the clock is ours; versions as loaded; chain continued; seq = previous + 1;
--          balance_after = previous + points; held_after follows; lots, held and debt add up to the balance; lifetime
--          points add up; lots change as the entries say, none below 0; a debt only by taking back, adjusting or merging,
--          and never beside usable points; never more taken back than there was; a transfer or merge is two entries that
--          come to nothing; an account is merged by a merge and comes back by one, and has nothing in between; held points
--          are those of the open holds. Signs and floors are constraints of the tables.
--          It does not know the earning rules, nor does it compute hashes: `ledger-service verify` does.
-- Answers  the account_ids in conflict, with all of their groups: nothing of theirs is written, everything else is.
--          All of them when the program's settings moved on.
-- Raises   LG001 when the proposal breaks an invariant, 23514 when a row does. That is a bug in the core (or a lie), so
--          nothing at all is written. 23505 when another writer took a key, an order or an identifier meanwhile.
CREATE FUNCTION ledger.write_batch_v2(
    p_program_id bigint, p_rule_version integer, p_now timestamptz,
    a_account_ids text [], a_versions bigint [], a_groups integer [], a_loaded_hashes bytea [],
    a_statuses text [], a_seqs bigint [], a_balances bigint [], a_helds bigint [], a_debts bigint [],
    a_lifetimes bigint [], a_due_ats timestamptz [], a_head_hashes bytea [], a_metadatas text [],
    a_merged_intos text [], a_standings text [],
    e_accounts integer [], e_seqs bigint [], e_kinds text [], e_points bigint [], e_balances bigint [],
    e_availables bigint [], e_helds bigint [], e_order_ids text [], e_sources text [], e_keys text [],
    e_fingerprints bytea [], e_reasons text [], e_metadatas text [], e_movements text [],
    e_available_ats timestamptz [], e_expires_ats timestamptz [], e_reverses bigint [], e_transfer_ids text [],
    e_written_offs bigint [], e_occurred_ats timestamptz [], e_hashes bytea [], e_details text [],
    l_accounts integer [], l_expires_ats timestamptz [], l_available_ats timestamptz [], l_points bigint [],
    k_accounts integer [], k_keys text [], k_fingerprints bytea [], k_forms text [], k_account_ids text [],
    k_seqs bigint [], k_details text [],
    i_accounts integer [], i_identifier_ids text [], i_types text [], i_digests bytea [], i_maskeds text [],
    r_accounts integer [], r_identifier_ids text [],
    p_more json
) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger, pg_temp
-- Plans are kept from the first calls, when the tables may be empty: make sure that they are the plans of large ones.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    -- A local array is kept unpacked: reaching an element by its place costs the same wherever it stands.
    ids text[] := a_account_ids;
    accounts_total CONSTANT integer := cardinality(a_account_ids);
    now_at timestamptz;
    program_version integer;
    is_past boolean;
    found_ids text[];
    versions bigint[];
    seqs bigint[];
    balances bigint[];
    helds bigint[];
    debts bigint[];
    statuses text[];
    merged_intos text[];
    lifetimes bigint[];
    head_hashes bytea[];
    is_written boolean[];
    lost_groups integer[];
    has_conflict boolean := false;
    is_wrong boolean;
    entries_due bigint;
    lots_due bigint;
    total bigint;
    emptied tid[];
    merged_total bigint;
    has_holds boolean;
BEGIN
    IF num_nulls(p_program_id, p_rule_version, p_now,
        a_account_ids, a_versions, a_groups, a_loaded_hashes, a_statuses, a_seqs, a_balances, a_helds, a_debts, a_lifetimes,
        a_due_ats, a_head_hashes, a_metadatas, a_merged_intos, a_standings,
        e_accounts, e_seqs, e_kinds, e_points, e_balances, e_availables, e_helds, e_order_ids, e_sources, e_keys,
        e_fingerprints, e_reasons, e_metadatas, e_movements, e_available_ats, e_expires_ats, e_reverses, e_transfer_ids,
        e_written_offs, e_occurred_ats, e_hashes, e_details, l_accounts, l_expires_ats, l_available_ats, l_points,
        k_accounts, k_keys, k_fingerprints, k_forms, k_account_ids, k_seqs, k_details,
        i_accounts, i_identifier_ids, i_types, i_digests, i_maskeds, r_accounts, r_identifier_ids) > 0
    THEN
        RAISE EXCEPTION 'an argument is missing' USING ERRCODE = 'LG001';
    END IF;
    IF accounts_total > 2000 OR cardinality(e_accounts) > 20000 OR cardinality(l_accounts) > 20000
        OR cardinality(k_accounts) > 20000 OR cardinality(i_accounts) > 20000 OR cardinality(r_accounts) > 20000
    THEN
        RAISE EXCEPTION 'a batch holds at most 2000 accounts and 20000 entries' USING ERRCODE = 'LG001';
    END IF;
    -- Lists of one kind have one length and begin at 1: else a place would not mean the same in all of them.
    IF array_remove(ARRAY[array_dims(a_account_ids), array_dims(a_versions), array_dims(a_groups),
            array_dims(a_loaded_hashes), array_dims(a_statuses), array_dims(a_seqs), array_dims(a_balances),
            array_dims(a_helds), array_dims(a_debts), array_dims(a_lifetimes), array_dims(a_due_ats),
            array_dims(a_head_hashes), array_dims(a_metadatas), array_dims(a_merged_intos), array_dims(a_standings)],
            nullif(format('[1:%s]', accounts_total), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(e_accounts), array_dims(e_seqs), array_dims(e_kinds), array_dims(e_points),
            array_dims(e_balances), array_dims(e_availables), array_dims(e_helds), array_dims(e_order_ids),
            array_dims(e_sources), array_dims(e_keys), array_dims(e_fingerprints), array_dims(e_reasons),
            array_dims(e_metadatas), array_dims(e_movements), array_dims(e_available_ats), array_dims(e_expires_ats),
            array_dims(e_reverses), array_dims(e_transfer_ids), array_dims(e_written_offs), array_dims(e_occurred_ats),
            array_dims(e_hashes), array_dims(e_details)],
            nullif(format('[1:%s]', cardinality(e_accounts)), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(l_accounts), array_dims(l_expires_ats), array_dims(l_available_ats),
            array_dims(l_points)],
            nullif(format('[1:%s]', cardinality(l_accounts)), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(k_accounts), array_dims(k_keys), array_dims(k_fingerprints),
            array_dims(k_forms), array_dims(k_account_ids), array_dims(k_seqs), array_dims(k_details)],
            nullif(format('[1:%s]', cardinality(k_accounts)), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(i_accounts), array_dims(i_identifier_ids), array_dims(i_types),
            array_dims(i_digests), array_dims(i_maskeds)],
            nullif(format('[1:%s]', cardinality(i_accounts)), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(r_accounts), array_dims(r_identifier_ids)],
            nullif(format('[1:%s]', cardinality(r_accounts)), '[1:0]')) <> '{}'
        -- Every place is one of an account, no lot stays as it is; a null is neither.
        OR (0 <= ALL (a_versions) AND 0 <= ALL (a_groups) AND 0 < ALL (e_accounts) AND accounts_total >= ALL (e_accounts)
            AND 0 < ALL (l_accounts) AND accounts_total >= ALL (l_accounts) AND 0 <> ALL (l_points)
            AND 0 <= ALL (k_accounts) AND accounts_total >= ALL (k_accounts)
            AND 0 < ALL (i_accounts) AND accounts_total >= ALL (i_accounts)
            AND 0 < ALL (r_accounts) AND accounts_total >= ALL (r_accounts)) IS NOT TRUE
    THEN
        RAISE EXCEPTION 'the lists do not fit together' USING ERRCODE = 'LG001';
    END IF;
    IF EXISTS (
        SELECT FROM json_each(p_more) AS more (name, listed)
        WHERE more.name NOT IN ('holds_placed', 'holds_moved', 'holds_closed', 'identifiers_moved', 'days')
            OR json_array_length(more.listed) > 20000
    ) THEN
        RAISE EXCEPTION 'there is more than a batch holds' USING ERRCODE = 'LG001';
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        RAISE EXCEPTION 'synchronous_commit = % would acknowledge what a crash loses',
            current_setting('synchronous_commit') USING ERRCODE = 'LG001';
    END IF;
    SELECT coalesce(clock, clock_timestamp()), version, p_now < clock INTO now_at, program_version, is_past
    FROM program WHERE program_id = p_program_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no program %', p_program_id USING ERRCODE = 'LG001';
    END IF;
    -- New settings, or a test program's clock that was moved on, void what was decided before.
    IF p_rule_version IS DISTINCT FROM program_version OR is_past THEN
        -- Keys without accounts hang on them too: the empty name stands for those.
        RETURN QUERY SELECT unnest(a_account_ids) UNION ALL SELECT '' WHERE accounts_total = 0;
        RETURN;
    END IF;
    IF p_now NOT BETWEEN now_at - interval '1 minute' AND now_at + interval '1 second' THEN
        RAISE EXCEPTION 'recorded at %, but the clock says %', p_now, now_at USING ERRCODE = 'LG001';
    END IF;

    IF 0 = ANY (a_versions) THEN
        INSERT INTO account (program_id, account_id, status, version, seq, balance, held, debt, lifetime_points,
            head_hash, metadata, created_at)
        SELECT p_program_id, a.account_id, 'active', 0, 0, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'), a.metadata::json, p_now
        FROM unnest(a_account_ids, a_versions, a_metadatas) AS a (account_id, version, metadata)
        WHERE a.version = 0
        ORDER BY a.account_id COLLATE "C"
        ON CONFLICT DO NOTHING;
    END IF;
    SELECT coalesce(array_agg(locked.account_id), '{}'), array_agg(locked.version), array_agg(locked.seq),
        array_agg(locked.balance), array_agg(locked.held), array_agg(locked.debt), array_agg(locked.lifetime_points),
        array_agg(locked.head_hash), array_agg(locked.status), array_agg(locked.merged_into)
    INTO found_ids, versions, seqs, balances, helds, debts, lifetimes, head_hashes, statuses, merged_intos
    FROM (
        SELECT * FROM account
        WHERE program_id = p_program_id AND account_id = ANY (a_account_ids)
        ORDER BY account_id
        FOR NO KEY UPDATE
    ) AS locked;
    IF found_ids IS DISTINCT FROM a_account_ids THEN
        RAISE EXCEPTION 'the accounts are not sorted, named twice or not in the books' USING ERRCODE = 'LG001';
    END IF;

    IF versions IS DISTINCT FROM a_versions AND accounts_total > 0 THEN
        has_conflict := true;
        SELECT array_agg(a.group_number) INTO lost_groups
        FROM unnest(a_groups, a_versions, versions) AS a (group_number, version, version_now)
        WHERE a.version IS DISTINCT FROM a.version_now;
        SELECT array_agg(a.group_number <> ALL (lost_groups) ORDER BY a.place) INTO is_written
        FROM unnest(a_groups) WITH ORDINALITY AS a (group_number, place);
        DELETE FROM account
        WHERE program_id = p_program_id AND version = 0
            AND account_id IN (SELECT unnest(a_account_ids) EXCEPT
                SELECT a.account_id FROM unnest(a_account_ids, is_written) AS a (account_id, stays) WHERE a.stays);
    ELSE
        is_written := array_fill(true, ARRAY[accounts_total]);
    END IF;

    -- Each account: continued from where it was loaded, and unchanged in its numbers when it gets no entry. Who is merged
    -- has nothing, and says into which account.
    SELECT bool_or(a.loaded_hash IS DISTINCT FROM a.hash_now OR a.seq < a.seq_now
            OR (a.status = 'merged') IS DISTINCT FROM (a.merged_into IS NOT NULL)
            OR (a.status = 'merged' AND (a.balance <> 0 OR a.held <> 0 OR a.debt <> 0))
            OR (a.seq = a.seq_now AND (a.head_hash IS DISTINCT FROM a.hash_now
                OR a.balance IS DISTINCT FROM a.balance_now OR a.held IS DISTINCT FROM a.held_now
                OR a.debt IS DISTINCT FROM a.debt_now OR a.lifetime IS DISTINCT FROM a.lifetime_now
                OR a.merged_into IS DISTINCT FROM a.merged_into_now))),
        sum(a.seq - a.seq_now),
        count(*) FILTER (WHERE a.balance - a.balance_now - a.held + a.held_now + a.debt - a.debt_now <> 0),
        count(*) FILTER (WHERE a.seq <> a.seq_now AND 'merged' IN (a.status, a.status_now))
    INTO is_wrong, entries_due, lots_due, merged_total
    FROM unnest(is_written, a_loaded_hashes, head_hashes, a_head_hashes, a_seqs, seqs, a_balances, balances, a_helds,
        helds, a_debts, debts, a_lifetimes, lifetimes, a_statuses, statuses, a_merged_intos, merged_intos)
        AS a (stays, loaded_hash, hash_now, head_hash, seq, seq_now, balance, balance_now, held, held_now, debt, debt_now,
        lifetime, lifetime_now, status, status_now, merged_into, merged_into_now)
    WHERE a.stays;
    IF is_wrong THEN
        RAISE EXCEPTION 'an account does not continue from where it was loaded' USING ERRCODE = 'LG001';
    END IF;

    -- Each entry: the next in its account, by its own points; the last one leaves what the account shall be. Held points
    -- are set aside by a hold, come back by a release, are redeemed by a capture and move with a merge.
    SELECT coalesce(bool_or(e.seq IS DISTINCT FROM seqs[e.account] + e.place
            OR e.seq > a_seqs[e.account]
            OR e.balance IS DISTINCT FROM balances[e.account] + e.moved
            OR (CASE e.kind
                WHEN 'hold' THEN e.held > e.held_before
                WHEN 'release' THEN e.held < e.held_before
                WHEN 'redeem' THEN
                    e.held = e.held_before + CASE WHEN (e.detail::json ->> 'hold_id') IS NULL THEN 0 ELSE e.points END
                WHEN 'merge_out' THEN e.held <= e.held_before
                WHEN 'merge_in' THEN e.held >= e.held_before
                ELSE e.held = e.held_before
            END) IS NOT TRUE
            OR (e.seq = a_seqs[e.account] AND (e.balance IS DISTINCT FROM a_balances[e.account]
                OR e.held IS DISTINCT FROM a_helds[e.account] OR e.hash IS DISTINCT FROM a_head_hashes[e.account]
                OR lifetimes[e.account] + e.earned IS DISTINCT FROM a_lifetimes[e.account]
                OR (a_debts[e.account] > debts[e.account] AND NOT e.may_owe)))), false),
        count(*),
        coalesce(bool_or(e.held <> e.held_before OR e.kind IN ('hold', 'release', 'merge_out', 'merge_in')), false)
    INTO is_wrong, total, has_holds
    FROM (
        SELECT e.account, e.seq, e.kind, e.points, e.balance, e.held, e.hash, e.detail, row_number() OVER entries AS place,
            coalesce(lag(e.held) OVER entries, helds[e.account]) AS held_before,
            sum(e.points) OVER entries AS moved,
            sum(CASE
                WHEN e.kind IN ('earn', 'reverse_earn') THEN e.points
                WHEN e.kind IN ('merge_out', 'merge_in') THEN coalesce((e.detail::json #>> '{merged,lifetime}')::bigint, 0)
                ELSE 0
            END) OVER entries AS earned,
            bool_or(e.kind IN ('reverse_earn', 'adjust', 'merge_out', 'merge_in')) OVER entries AS may_owe
        FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_balances, e_helds, e_hashes, e_details)
            AS e (account, seq, kind, points, balance, held, hash, detail)
        WHERE is_written[e.account]
        WINDOW entries AS (PARTITION BY e.account ORDER BY e.seq)
    ) AS e;
    IF is_wrong OR total IS DISTINCT FROM coalesce(entries_due, 0) THEN
        RAISE EXCEPTION 'seq, balance_after, held_after or the totals of an account do not follow from its entries'
            USING ERRCODE = 'LG001';
    END IF;
    IF num_nonnulls(VARIADIC e_transfer_ids) > 0 OR merged_total > 0 THEN
        PERFORM check_transfers_v1(ids, is_written, a_statuses, statuses, a_merged_intos, merged_intos, a_seqs, seqs, helds,
            e_accounts, e_seqs, e_kinds, e_points, e_helds, e_transfer_ids, e_details);
    END IF;

    -- balance = lots + held - debt, so its changes must agree.
    SELECT coalesce(bool_or(l.points <> a_balances[l.account] - balances[l.account] - a_helds[l.account] + helds[l.account]
            + a_debts[l.account] - debts[l.account]), false),
        count(*) FILTER (WHERE l.points <> 0)
    INTO is_wrong, total
    FROM (
        SELECT l.account, sum(l.points) AS points
        FROM unnest(l_accounts, l_points) AS l (account, points)
        WHERE is_written[l.account]
        GROUP BY l.account
    ) AS l;
    IF is_wrong OR total IS DISTINCT FROM lots_due THEN
        RAISE EXCEPTION 'lots, held points and debt do not add up to the balance' USING ERRCODE = 'LG001';
    END IF;
    -- Each lot changes by what the entries moved. Most entries move their own points in the lot without dates: nothing to
    -- parse. Others say microseconds since 1970, or null for a date that is none; points that wait for an event say the
    -- last microsecond of 9999.
    IF EXISTS (
        SELECT FROM (
            SELECT e.account, NULL::bigint AS expires_at, NULL::bigint AS available_at, e.points
            FROM unnest(e_accounts, e_points, e_movements) AS e (account, points, movements)
            WHERE e.movements = '[[null,null,' || e.points || ']]'
            UNION ALL
            SELECT e.account, (movement.value ->> 0)::bigint, (movement.value ->> 1)::bigint, (movement.value ->> 2)::bigint
            FROM unnest(e_accounts, e_points, e_movements) AS e (account, points, movements)
            CROSS JOIN LATERAL json_array_elements(e.movements::json) AS movement
            WHERE e.movements <> '[[null,null,' || e.points || ']]'
            UNION ALL
            SELECT l.account,
                CASE WHEN isfinite(l.expires_at) THEN (extract(epoch FROM l.expires_at) * 1000000)::bigint END,
                CASE
                    WHEN isfinite(l.available_at) THEN (extract(epoch FROM l.available_at) * 1000000)::bigint
                    WHEN l.available_at = 'infinity' THEN 253402300799999999
                END, -l.points
            FROM unnest(l_accounts, l_expires_ats, l_available_ats, l_points)
                AS l (account, expires_at, available_at, points)
        ) AS moved
        GROUP BY moved.account, moved.expires_at, moved.available_at
        HAVING sum(moved.points) <> 0 OR count(moved.points) < count(*)
    ) THEN
        RAISE EXCEPTION 'the lots do not change as the entries say' USING ERRCODE = 'LG001';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(k_accounts, k_forms, k_account_ids, k_seqs) AS k (account, form, account_id, seq)
        WHERE k.form NOT IN ('several', 'repeated', 'refused', 'answered', 'together')
            OR (k.form = 'repeated' AND coalesce(is_written[k.account], true) AND NOT EXISTS (
                SELECT FROM entry WHERE entry.program_id = p_program_id AND entry.account_id = k.account_id AND entry.seq = k.seq
                OFFSET 0)
                AND NOT EXISTS (
                SELECT FROM unnest(e_accounts, e_seqs) AS e (account, seq)
                WHERE ids[e.account] = k.account_id AND e.seq = k.seq AND is_written[e.account]))
    ) THEN
        RAISE EXCEPTION 'an outcome names an entry that is not in the books' USING ERRCODE = 'LG001';
    END IF;

    -- Several entries under one key: the outcome names what is written beside it, and every such entry is named by one.
    IF ('several' = ANY (k_forms) OR num_nulls(VARIADIC e_fingerprints) <> num_nulls(VARIADIC e_keys)) AND EXISTS (
        SELECT FROM (
            SELECT k.key, named.value ->> 0 AS account_id, (named.value ->> 1)::bigint AS seq, true AS is_named
            FROM unnest(k_accounts, k_keys, k_forms, k_details) AS k (account, key, form, detail)
            CROSS JOIN LATERAL json_array_elements(k.detail::json -> 'entries') AS named
            WHERE k.form = 'several' AND coalesce(is_written[k.account], NOT has_conflict)
            UNION ALL
            SELECT e.key, ids[e.account], e.seq, false
            FROM unnest(e_accounts, e_seqs, e_keys, e_fingerprints) AS e (account, seq, key, fingerprint)
            WHERE (e.key IS NULL) <> (e.fingerprint IS NULL) AND is_written[e.account]
        ) AS several
        GROUP BY several.key, several.account_id, several.seq
        HAVING count(*) <> 2 OR NOT bool_or(several.is_named) OR bool_and(several.is_named)
    ) THEN
        RAISE EXCEPTION 'an outcome names other entries than those with its key' USING ERRCODE = 'LG001';
    END IF;

    -- Keys in their order, as every writer takes them: two writers of the same keys wait for each other, never in a circle.
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, account_id, seq, detail)
    SELECT p_program_id, o.key, o.fingerprint, o.form, o.account_id, o.seq, o.detail
    FROM (
        SELECT e.key, e.fingerprint, 'posted' AS form, ids[e.account] AS account_id, e.seq, NULL::json AS detail
        FROM unnest(e_accounts, e_seqs, e_keys, e_fingerprints) AS e (account, seq, key, fingerprint)
        WHERE e.fingerprint IS NOT NULL AND is_written[e.account]
        UNION ALL
        SELECT k.key, k.fingerprint, k.form, k.account_id, k.seq, k.detail::json
        FROM unnest(k_accounts, k_keys, k_fingerprints, k_forms, k_account_ids, k_seqs, k_details)
            AS k (account, key, fingerprint, form, account_id, seq, detail)
        WHERE coalesce(is_written[k.account], NOT has_conflict)
    ) AS o
    ORDER BY o.key COLLATE "C";

    -- In the order of their orders, for the same reason.
    INSERT INTO entry (program_id, account_id, seq, kind, points, balance_after, available_after, held_after, order_id,
        source, idempotency_key, reason, metadata, movements, available_at, expires_at, reverses_seq, transfer_id,
        written_off, rule_version, occurred_at, recorded_at, hash, detail)
    SELECT p_program_id, ids[e.account], e.seq, e.kind, e.points, e.balance, e.available, e.held, e.order_id,
        e.source, e.key, e.reason, e.metadata::json, e.movements::json, e.available_at, e.expires_at, e.reverses, e.transfer_id,
        e.written_off, p_rule_version, e.occurred_at, p_now, e.hash, e.detail::json
    FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_balances, e_availables, e_helds, e_order_ids, e_sources, e_keys,
        e_reasons, e_metadatas, e_movements, e_available_ats, e_expires_ats, e_reverses, e_transfer_ids, e_written_offs,
        e_occurred_ats, e_hashes, e_details)
        AS e (account, seq, kind, points, balance, available, held, order_id, source, key, reason, metadata, movements,
        available_at, expires_at, reverses, transfer_id, written_off, occurred_at, hash, detail)
    WHERE is_written[e.account]
    ORDER BY e.order_id COLLATE "C", e.source COLLATE "C", e.kind;
    -- What the survivor of a merge undoes may stand in the books of the account that was merged into it.
    IF num_nonnulls(VARIADIC e_reverses) > 0 AND EXISTS (
        SELECT FROM (
            SELECT e.kind, e.reverses, e.detail::json ->> 'reverses_account' AS elsewhere,
                coalesce(e.detail::json ->> 'reverses_account', ids[e.account]) AS account_id
            FROM unnest(e_accounts, e_kinds, e_reverses, e_details) AS e (account, kind, reverses, detail)
            WHERE e.reverses IS NOT NULL AND is_written[e.account]
        ) AS e
        WHERE (e.elsewhere IS NOT NULL AND NOT EXISTS (
                SELECT FROM unnest(a_account_ids, is_written, a_statuses, statuses) AS a (account_id, stays, status, status_now)
                WHERE a.account_id = e.elsewhere AND a.stays AND 'merged' IN (a.status, a.status_now)))
            OR NOT EXISTS (
            SELECT FROM entry AS undone
            WHERE undone.program_id = p_program_id AND undone.account_id = e.account_id AND undone.seq = e.reverses
                AND e.kind = CASE WHEN e.kind = 'confirm' AND undone.kind = 'earn' THEN 'confirm' ELSE 'reverse_' || undone.kind END
                AND abs(undone.points) >= (
                    SELECT coalesce(sum(abs(undoing.points) + undoing.written_off), 0) FROM entry AS undoing
                    WHERE undoing.program_id = p_program_id AND undoing.account_id = e.account_id
                        AND undoing.reverses_seq = e.reverses AND (undoing.detail ->> 'reverses_account') IS NULL
                ) + (
                    SELECT coalesce(sum(abs(undoing.points) + undoing.written_off), 0) FROM entry AS undoing
                    WHERE undoing.program_id = p_program_id AND (undoing.detail ->> 'reverses_account') = e.account_id
                        AND coalesce(undoing.reverses_seq, 0) = e.reverses)
            OFFSET 0)
    ) THEN
        RAISE EXCEPTION 'more is taken back than there was' USING ERRCODE = 'LG001';
    END IF;

    INSERT INTO lot (program_id, account_id, expires_at, available_at, remaining)
    SELECT p_program_id, ids[l.account], l.expires_at, l.available_at, l.points
    FROM unnest(l_accounts, l_expires_ats, l_available_ats, l_points) AS l (account, expires_at, available_at, points)
    WHERE l.points > 0 AND is_written[l.account]
    ON CONFLICT (program_id, account_id, expires_at, available_at)
    DO UPDATE SET remaining = lot.remaining + excluded.remaining;
    IF 0 > ANY (l_points) THEN
        SELECT count(*) INTO lots_due
        FROM unnest(l_accounts, l_points) AS l (account, points) WHERE l.points < 0 AND is_written[l.account];
        -- OFFSET 0: each lot is looked up by its key, whatever the planner believes of a table without statistics.
        WITH taken AS (
            UPDATE lot SET remaining = lot.remaining + l.points
            FROM unnest(l_accounts, l_expires_ats, l_available_ats, l_points) AS l (account, expires_at, available_at, points)
            CROSS JOIN LATERAL (
                SELECT one.ctid AS place FROM lot AS one
                WHERE one.program_id = p_program_id AND one.account_id = ids[l.account]
                    AND one.expires_at = l.expires_at AND one.available_at = l.available_at
                OFFSET 0
            ) AS found
            WHERE l.points < 0 AND is_written[l.account] AND lot.ctid = found.place
            RETURNING lot.ctid AS place, lot.remaining
        )
        SELECT count(*), array_agg(taken.place) FILTER (WHERE taken.remaining = 0) INTO total, emptied FROM taken;
        IF total IS DISTINCT FROM lots_due THEN
            RAISE EXCEPTION 'points are taken from a lot that is not there' USING ERRCODE = 'LG001';
        END IF;
        -- Empty lots go, so that an account with a long life stays quick to load.
        IF emptied IS NOT NULL THEN
            DELETE FROM lot WHERE ctid = ANY (emptied);
        END IF;
    END IF;
    IF 0 < ANY (a_debts) AND EXISTS (
        SELECT FROM unnest(a_account_ids, a_debts, is_written) AS a (account_id, debt, stays)
        WHERE a.debt > 0 AND a.stays AND EXISTS (
            SELECT FROM lot WHERE lot.program_id = p_program_id AND lot.account_id = a.account_id
                AND lot.available_at <= p_now AND lot.expires_at > p_now
            OFFSET 0)
    ) THEN
        RAISE EXCEPTION 'a debt stands beside usable points' USING ERRCODE = 'LG001';
    END IF;

    -- They are all there: this only updates. An upsert has no join, so no plan that missing statistics could spoil.
    INSERT INTO account (program_id, account_id, status, version, seq, balance, held, debt, lifetime_points, next_due_at,
        head_hash, metadata, created_at, merged_into, standing)
    SELECT p_program_id, a.account_id, a.status, 0, a.seq, a.balance, a.held, a.debt, a.lifetime, a.due_at, a.head_hash, '{}',
        p_now, a.merged_into, a.standing::json
    FROM unnest(a_account_ids, is_written, a_statuses, a_seqs, a_balances, a_helds, a_debts, a_lifetimes, a_due_ats,
        a_head_hashes, a_merged_intos, a_standings)
        AS a (account_id, stays, status, seq, balance, held, debt, lifetime, due_at, head_hash, merged_into, standing)
    WHERE a.stays
    ON CONFLICT (program_id, account_id) DO UPDATE SET version = account.version + 1, status = excluded.status,
        seq = excluded.seq, balance = excluded.balance, held = excluded.held, debt = excluded.debt,
        lifetime_points = excluded.lifetime_points, next_due_at = excluded.next_due_at, head_hash = excluded.head_hash,
        merged_into = excluded.merged_into, standing = excluded.standing;

    IF has_holds OR (p_more ->> 'holds_placed') IS NOT NULL OR (p_more ->> 'holds_moved') IS NOT NULL
        OR (p_more ->> 'holds_closed') IS NOT NULL
    THEN
        PERFORM write_holds_v1(p_program_id, p_now, ids, is_written, a_helds, helds, e_accounts, e_seqs, e_kinds, e_points,
            e_helds, e_order_ids, e_sources, e_movements, e_transfer_ids, e_details, p_more);
    END IF;
    IF p_more IS NOT NULL THEN
        -- What an account without a new entry counts stays as it is.
        IF EXISTS (
            SELECT FROM json_to_recordset(p_more -> 'days') AS d (account integer)
            WHERE is_written[d.account] IS NULL OR (is_written[d.account] AND a_seqs[d.account] = seqs[d.account])
        ) THEN
            RAISE EXCEPTION 'a day counts what no entry says' USING ERRCODE = 'LG001';
        END IF;
        INSERT INTO qualifying_day (program_id, account_id, day, points, spend, visits)
        SELECT p_program_id, ids[d.account], d.day, d.points, d.spend, d.visits
        FROM json_to_recordset(p_more -> 'days')
            AS d (account integer, day date, points bigint, spend numeric, visits integer)
        WHERE is_written[d.account]
        ON CONFLICT (program_id, account_id, day) DO UPDATE SET points = qualifying_day.points + excluded.points,
            spend = qualifying_day.spend + excluded.spend, visits = qualifying_day.visits + excluded.visits;
    END IF;

    -- A merge takes identifiers along that are there before it, then those that this batch attaches: they may be revoked
    -- on either account.
    IF p_more IS NOT NULL THEN
        PERFORM move_identifiers_v1(p_program_id, ids, is_written, e_accounts, e_kinds, e_transfer_ids, i_identifier_ids,
            false, p_more);
    END IF;
    -- Revocations first: what they give up may be attached anew in the same batch. Who is attached and revoked in it
    -- comes into the books revoked.
    IF cardinality(r_accounts) > 0 THEN
        UPDATE identifier SET revoked_at = p_now
        FROM unnest(r_accounts, r_identifier_ids) AS r (account, identifier_id)
        CROSS JOIN LATERAL (
            SELECT one.ctid AS place, one.account_id, one.revoked_at FROM identifier AS one
            WHERE one.program_id = p_program_id AND one.identifier_id = r.identifier_id
            OFFSET 0
        ) AS found
        WHERE is_written[r.account] AND found.account_id = ids[r.account] AND found.revoked_at IS NULL
            AND identifier.ctid = found.place;
    END IF;
    IF cardinality(i_accounts) > 0 THEN
        INSERT INTO identifier (program_id, identifier_id, account_id, type, digest, masked, attached_at, revoked_at)
        SELECT p_program_id, i.identifier_id, ids[i.account], i.type, i.digest, i.masked, p_now,
            CASE WHEN i.identifier_id = ANY (r_identifier_ids) THEN p_now END
        FROM unnest(i_accounts, i_identifier_ids, i_types, i_digests, i_maskeds)
            AS i (account, identifier_id, type, digest, masked)
        WHERE is_written[i.account]
        ORDER BY i.type, i.digest;
    END IF;
    IF p_more IS NOT NULL AND cardinality(i_accounts) > 0 THEN
        PERFORM move_identifiers_v1(p_program_id, ids, is_written, e_accounts, e_kinds, e_transfer_ids, i_identifier_ids,
            true, p_more);
    END IF;
    IF EXISTS (
        SELECT FROM unnest(r_accounts, r_identifier_ids) AS r (account, identifier_id)
        WHERE is_written[r.account] AND NOT EXISTS (
            SELECT FROM identifier AS one
            WHERE one.program_id = p_program_id AND one.identifier_id = r.identifier_id
                AND one.account_id = ids[r.account] AND one.revoked_at IS NOT NULL
            OFFSET 0)
    ) THEN
        RAISE EXCEPTION 'an identifier is revoked that the account does not have' USING ERRCODE = 'LG001';
    END IF;

    RETURN QUERY
    SELECT a.account_id FROM unnest(a_account_ids, is_written) AS a (account_id, stays) WHERE NOT a.stays;
END
$$;
REVOKE ALL ON FUNCTION ledger.write_batch_v2 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_batch_v2 TO ledger_service;
