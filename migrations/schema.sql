-- The schema `ledger`, drawn from the migrations by `make schema`. To be read, not to be run or edited.
-- squawk-ignore-file

CREATE SCHEMA ledger;

ALTER SCHEMA ledger OWNER TO ledger_owner;

CREATE FUNCTION ledger.claim_key_v1(p_program_id bigint, p_key text, p_fingerprint bytea, p_detail text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, detail)
    VALUES (p_program_id, p_key, p_fingerprint, 'answered', p_detail::json);
$$;

ALTER FUNCTION ledger.claim_key_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.create_key_v1(p_program_id bigint, p_key_id text, p_name text, p_source text, p_scopes text[], p_masked text, p_digest bytea, p_expires_at timestamp with time zone, k_key text, k_fingerprint bytea, k_detail text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    SELECT claim_key_v1(p_program_id, k_key, k_fingerprint, k_detail) WHERE k_key IS NOT NULL;
    INSERT INTO api_key (program_id, key_id, name, source, scopes, masked, digest, expires_at)
    VALUES (p_program_id, p_key_id, p_name, p_source, p_scopes, p_masked, p_digest, p_expires_at);
$$;

ALTER FUNCTION ledger.create_key_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.create_program_v1(p_slug text, p_mode text, p_clock timestamp with time zone, p_settings text, p_key_id text, p_key_name text, p_source text, p_scopes text[], p_masked text, p_digest bytea, k_key text, k_fingerprint bytea, k_detail text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
DECLARE
    new_id bigint;
BEGIN
    IF k_key IS NOT NULL THEN
        PERFORM claim_key_v1(0, k_key, k_fingerprint, k_detail);
    END IF;
    INSERT INTO program (slug, mode, clock)
    -- A test program's clock stands still until it is moved.
    VALUES (p_slug, p_mode, CASE WHEN p_mode = 'test' THEN coalesce(p_clock, clock_timestamp()) END)
    RETURNING program_id INTO new_id;
    INSERT INTO program_version (program_id, version, settings) VALUES (new_id, 1, p_settings::json);
    PERFORM create_key_v1(new_id, p_key_id, p_key_name, p_source, p_scopes, p_masked, p_digest, NULL, NULL, NULL, NULL);
    RETURN new_id;
END
$$;

ALTER FUNCTION ledger.create_program_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.put_program_v1(p_program_id bigint, p_expected_version integer, p_settings text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
DECLARE
    new_version integer;
BEGIN
    UPDATE program SET version = version + 1
    WHERE program_id = p_program_id AND version = p_expected_version
    RETURNING version INTO new_version;
    IF FOUND THEN
        INSERT INTO program_version (program_id, version, settings)
        VALUES (p_program_id, new_version, p_settings::json);
    END IF;
    RETURN new_version;
END
$$;

ALTER FUNCTION ledger.put_program_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.refuse_call_v1(p_program_id bigint, k_key text, k_fingerprint bytea, k_detail text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, detail)
    VALUES (p_program_id, k_key, k_fingerprint, 'refused', k_detail::json);
$$;

ALTER FUNCTION ledger.refuse_call_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'LG002';
END
$$;

ALTER FUNCTION ledger.refuse_change OWNER TO ledger_owner;

CREATE FUNCTION ledger.revoke_key_v1(p_program_id bigint, p_key_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
BEGIN
    UPDATE api_key SET revoked_at = coalesce(revoked_at, clock_timestamp())
    WHERE program_id = p_program_id AND key_id = p_key_id;
    RETURN FOUND;
END
$$;

ALTER FUNCTION ledger.revoke_key_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.write_batch_v1(p_program_id bigint, p_rule_version integer, p_now timestamp with time zone, a_account_ids text[], a_versions bigint[], a_groups integer[], a_loaded_hashes bytea[], a_statuses text[], a_seqs bigint[], a_balances bigint[], a_helds bigint[], a_debts bigint[], a_lifetimes bigint[], a_due_ats timestamp with time zone[], a_head_hashes bytea[], a_metadatas text[], e_accounts integer[], e_seqs bigint[], e_kinds text[], e_points bigint[], e_balances bigint[], e_availables bigint[], e_helds bigint[], e_order_ids text[], e_sources text[], e_keys text[], e_fingerprints bytea[], e_reasons text[], e_metadatas text[], e_movements text[], e_available_ats timestamp with time zone[], e_expires_ats timestamp with time zone[], e_reverses bigint[], e_transfer_ids text[], e_written_offs bigint[], e_occurred_ats timestamp with time zone[], e_hashes bytea[], l_accounts integer[], l_expires_ats timestamp with time zone[], l_available_ats timestamp with time zone[], l_points bigint[], k_accounts integer[], k_keys text[], k_fingerprints bytea[], k_forms text[], k_account_ids text[], k_seqs bigint[], k_details text[], i_accounts integer[], i_identifier_ids text[], i_types text[], i_digests bytea[], i_maskeds text[], r_accounts integer[], r_identifier_ids text[]) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    -- A local array is kept unpacked: reaching an element by its place costs the same wherever it stands.
    ids text[] := a_account_ids;
    accounts_total CONSTANT integer := cardinality(a_account_ids);
    now_at timestamptz;
    program_version integer;
    found_ids text[];
    versions bigint[];
    seqs bigint[];
    balances bigint[];
    helds bigint[];
    debts bigint[];
    statuses text[];
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
BEGIN
    IF num_nulls(p_program_id, p_rule_version, p_now,
        a_account_ids, a_versions, a_groups, a_loaded_hashes, a_statuses, a_seqs, a_balances, a_helds, a_debts, a_lifetimes,
        a_due_ats, a_head_hashes, a_metadatas,
        e_accounts, e_seqs, e_kinds, e_points, e_balances, e_availables, e_helds, e_order_ids, e_sources, e_keys,
        e_fingerprints, e_reasons, e_metadatas, e_movements, e_available_ats, e_expires_ats, e_reverses, e_transfer_ids,
        e_written_offs, e_occurred_ats, e_hashes, l_accounts, l_expires_ats, l_available_ats, l_points,
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
            array_dims(a_head_hashes), array_dims(a_metadatas)],
            nullif(format('[1:%s]', accounts_total), '[1:0]')) <> '{}'
        OR array_remove(ARRAY[array_dims(e_accounts), array_dims(e_seqs), array_dims(e_kinds), array_dims(e_points),
            array_dims(e_balances), array_dims(e_availables), array_dims(e_helds), array_dims(e_order_ids),
            array_dims(e_sources), array_dims(e_keys), array_dims(e_fingerprints), array_dims(e_reasons),
            array_dims(e_metadatas), array_dims(e_movements), array_dims(e_available_ats), array_dims(e_expires_ats),
            array_dims(e_reverses), array_dims(e_transfer_ids), array_dims(e_written_offs), array_dims(e_occurred_ats),
            array_dims(e_hashes)],
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
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        RAISE EXCEPTION 'synchronous_commit = % would acknowledge what a crash loses',
            current_setting('synchronous_commit') USING ERRCODE = 'LG001';
    END IF;
    SELECT coalesce(clock, clock_timestamp()), version INTO now_at, program_version
    FROM program WHERE program_id = p_program_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no program %', p_program_id USING ERRCODE = 'LG001';
    END IF;
    IF p_now NOT BETWEEN now_at - interval '1 minute' AND now_at + interval '1 second' THEN
        RAISE EXCEPTION 'recorded at %, but the clock says %', p_now, now_at USING ERRCODE = 'LG001';
    END IF;
    IF p_rule_version IS DISTINCT FROM program_version THEN
        RETURN QUERY SELECT unnest(a_account_ids);
        RETURN;
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
        array_agg(locked.head_hash), array_agg(locked.status)
    INTO found_ids, versions, seqs, balances, helds, debts, lifetimes, head_hashes, statuses
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

    -- Each account: continued from where it was loaded, and unchanged in its numbers when it gets no entry. No kind of
    -- entry holds points yet. A merged account gets none, and none becomes one here.
    SELECT bool_or(a.loaded_hash IS DISTINCT FROM a.hash_now OR a.seq < a.seq_now
            OR a.held IS DISTINCT FROM a.held_now
            OR (a.status = 'merged') IS DISTINCT FROM (a.status_now = 'merged')
            OR (a.status_now = 'merged' AND a.seq IS DISTINCT FROM a.seq_now)
            OR (a.seq = a.seq_now AND (a.head_hash IS DISTINCT FROM a.hash_now
                OR a.balance IS DISTINCT FROM a.balance_now
                OR a.debt IS DISTINCT FROM a.debt_now OR a.lifetime IS DISTINCT FROM a.lifetime_now))),
        sum(a.seq - a.seq_now),
        count(*) FILTER (WHERE a.balance - a.balance_now - a.held + a.held_now + a.debt - a.debt_now <> 0)
    INTO is_wrong, entries_due, lots_due
    FROM unnest(is_written, a_loaded_hashes, head_hashes, a_head_hashes, a_seqs, seqs, a_balances, balances, a_helds,
        helds, a_debts, debts, a_lifetimes, lifetimes, a_statuses, statuses)
        AS a (stays, loaded_hash, hash_now, head_hash, seq, seq_now, balance, balance_now, held, held_now, debt, debt_now,
        lifetime, lifetime_now, status, status_now)
    WHERE a.stays;
    IF is_wrong THEN
        RAISE EXCEPTION 'an account does not continue from where it was loaded' USING ERRCODE = 'LG001';
    END IF;

    -- Each entry: the next in its account, by its own points; the last one leaves what the account shall be.
    SELECT coalesce(bool_or(e.seq IS DISTINCT FROM seqs[e.account] + e.place
            OR e.seq > a_seqs[e.account]
            OR e.balance IS DISTINCT FROM balances[e.account] + e.moved
            OR (e.seq = a_seqs[e.account] AND (e.balance IS DISTINCT FROM a_balances[e.account]
                OR e.held IS DISTINCT FROM a_helds[e.account] OR e.hash IS DISTINCT FROM a_head_hashes[e.account]
                OR lifetimes[e.account] + e.earned IS DISTINCT FROM a_lifetimes[e.account]
                OR (a_debts[e.account] > debts[e.account] AND NOT e.may_owe)))), false),
        count(*)
    INTO is_wrong, total
    FROM (
        SELECT e.account, e.seq, e.balance, e.held, e.hash, row_number() OVER entries AS place,
            sum(e.points) OVER entries AS moved,
            sum(CASE WHEN e.kind IN ('earn', 'reverse_earn') THEN e.points ELSE 0 END) OVER entries AS earned,
            bool_or(e.kind IN ('reverse_earn', 'adjust')) OVER entries AS may_owe
        FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_balances, e_helds, e_hashes)
            AS e (account, seq, kind, points, balance, held, hash)
        WHERE is_written[e.account]
        WINDOW entries AS (PARTITION BY e.account ORDER BY e.seq)
    ) AS e;
    IF is_wrong OR total IS DISTINCT FROM coalesce(entries_due, 0) THEN
        RAISE EXCEPTION 'seq, balance_after or the totals of an account do not follow from its entries' USING ERRCODE = 'LG001';
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
    -- parse. Others say microseconds since 1970, or null for a date that is none.
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
                CASE WHEN isfinite(l.available_at) THEN (extract(epoch FROM l.available_at) * 1000000)::bigint END, -l.points
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
        WHERE k.form NOT IN ('repeated', 'refused', 'answered', 'together')
            OR (k.form = 'repeated' AND coalesce(is_written[k.account], true) AND NOT EXISTS (
                SELECT FROM entry WHERE entry.program_id = p_program_id AND entry.account_id = k.account_id AND entry.seq = k.seq
                OFFSET 0)
                AND NOT EXISTS (
                SELECT FROM unnest(e_accounts, e_seqs) AS e (account, seq)
                WHERE ids[e.account] = k.account_id AND e.seq = k.seq AND is_written[e.account]))
    ) THEN
        RAISE EXCEPTION 'an outcome names an entry that is not in the books' USING ERRCODE = 'LG001';
    END IF;

    -- Keys in their order, as every writer takes them: two writers of the same keys wait for each other, never in a circle.
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, account_id, seq, detail)
    SELECT p_program_id, o.key, o.fingerprint, o.form, o.account_id, o.seq, o.detail
    FROM (
        SELECT e.key, e.fingerprint, 'posted' AS form, ids[e.account] AS account_id, e.seq, NULL::json AS detail
        FROM unnest(e_accounts, e_seqs, e_keys, e_fingerprints) AS e (account, seq, key, fingerprint)
        WHERE e.key IS NOT NULL AND is_written[e.account]
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
        written_off, rule_version, occurred_at, recorded_at, hash)
    SELECT p_program_id, ids[e.account], e.seq, e.kind, e.points, e.balance, e.available, e.held, e.order_id,
        e.source, e.key, e.reason, e.metadata::json, e.movements::json, e.available_at, e.expires_at, e.reverses, e.transfer_id,
        e.written_off, p_rule_version, e.occurred_at, p_now, e.hash
    FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_balances, e_availables, e_helds, e_order_ids, e_sources, e_keys,
        e_reasons, e_metadatas, e_movements, e_available_ats, e_expires_ats, e_reverses, e_transfer_ids, e_written_offs,
        e_occurred_ats, e_hashes)
        AS e (account, seq, kind, points, balance, available, held, order_id, source, key, reason, metadata, movements,
        available_at, expires_at, reverses, transfer_id, written_off, occurred_at, hash)
    WHERE is_written[e.account]
    ORDER BY e.order_id COLLATE "C", e.source COLLATE "C", e.kind;
    IF num_nonnulls(VARIADIC e_reverses) > 0 AND EXISTS (
        SELECT FROM unnest(e_accounts, e_kinds, e_reverses) AS e (account, kind, reverses)
        WHERE e.reverses IS NOT NULL AND is_written[e.account] AND NOT EXISTS (
            SELECT FROM entry AS undone
            WHERE undone.program_id = p_program_id AND undone.account_id = ids[e.account] AND undone.seq = e.reverses
                AND e.kind = 'reverse_' || undone.kind AND abs(undone.points) >= (
                    SELECT sum(abs(undoing.points) + undoing.written_off) FROM entry AS undoing
                    WHERE undoing.program_id = p_program_id AND undoing.account_id = ids[e.account]
                        AND undoing.reverses_seq = e.reverses)
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
        head_hash, metadata, created_at)
    SELECT p_program_id, a.account_id, a.status, 0, a.seq, a.balance, a.held, a.debt, a.lifetime, a.due_at, a.head_hash, '{}',
        p_now
    FROM unnest(a_account_ids, is_written, a_statuses, a_seqs, a_balances, a_helds, a_debts, a_lifetimes, a_due_ats,
        a_head_hashes) AS a (account_id, stays, status, seq, balance, held, debt, lifetime, due_at, head_hash)
    WHERE a.stays
    ON CONFLICT (program_id, account_id) DO UPDATE SET version = account.version + 1, status = excluded.status,
        seq = excluded.seq, balance = excluded.balance, held = excluded.held, debt = excluded.debt,
        lifetime_points = excluded.lifetime_points, next_due_at = excluded.next_due_at, head_hash = excluded.head_hash;

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

ALTER FUNCTION ledger.write_batch_v1 OWNER TO ledger_owner;

CREATE TABLE ledger.account (
    program_id bigint NOT NULL,
    version bigint NOT NULL,
    seq bigint NOT NULL,
    balance bigint NOT NULL,
    held bigint NOT NULL,
    debt bigint NOT NULL,
    lifetime_points bigint NOT NULL,
    next_due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    account_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL,
    merged_into text COLLATE pg_catalog."C",
    head_hash bytea NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT account_account_id_check CHECK (((octet_length(account_id) >= 1) AND (octet_length(account_id) <= 64))),
    CONSTRAINT account_balance_check CHECK (((balance >= '-9007199254740991'::bigint) AND (balance <= '9007199254740991'::bigint))),
    CONSTRAINT account_debt_check CHECK (((debt >= 0) AND (debt <= '9007199254740991'::bigint))),
    CONSTRAINT account_head_hash_check CHECK ((octet_length(head_hash) = 32)),
    CONSTRAINT account_held_check CHECK (((held >= 0) AND (held <= '9007199254740991'::bigint))),
    CONSTRAINT account_lifetime_points_check CHECK (((lifetime_points >= '-9007199254740991'::bigint) AND (lifetime_points <= '9007199254740991'::bigint))),
    CONSTRAINT account_seq_check CHECK ((seq >= 0)),
    CONSTRAINT account_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text, 'merged'::text]))),
    CONSTRAINT account_version_check CHECK ((version >= 0))
)
WITH (fillfactor='70');

ALTER TABLE ledger.account OWNER TO ledger_owner;

CREATE TABLE ledger.api_key (
    program_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    key_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    scopes text[] NOT NULL,
    masked text NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT api_key_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT api_key_scopes_check CHECK (((scopes <@ ARRAY['read'::text, 'earn'::text, 'redeem'::text, 'adjust'::text, 'accounts'::text, 'admin'::text, 'operator'::text]) AND (cardinality(scopes) > 0))),
    CONSTRAINT api_key_source_check CHECK (((octet_length(source) >= 1) AND (octet_length(source) <= 64)))
);

ALTER TABLE ledger.api_key OWNER TO ledger_owner;

CREATE TABLE ledger.entry (
    program_id bigint NOT NULL,
    seq bigint NOT NULL,
    points bigint NOT NULL,
    balance_after bigint NOT NULL,
    available_after bigint NOT NULL,
    held_after bigint NOT NULL,
    written_off bigint NOT NULL,
    reverses_seq bigint,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    available_at timestamp with time zone,
    expires_at timestamp with time zone,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    rule_version integer NOT NULL,
    account_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    order_id text COLLATE pg_catalog."C",
    idempotency_key text COLLATE pg_catalog."C",
    transfer_id text COLLATE pg_catalog."C",
    reason text,
    metadata json NOT NULL,
    movements json NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT entry_balance_after_check CHECK (((balance_after >= '-9007199254740991'::bigint) AND (balance_after <= '9007199254740991'::bigint))),
    CONSTRAINT entry_check CHECK ((reverses_seq < seq)),
    CONSTRAINT entry_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT entry_held_after_check CHECK ((held_after >= 0)),
    CONSTRAINT entry_parts_add_up CHECK ((((balance_after - available_after) - held_after) >= 0)),
    CONSTRAINT entry_points_check CHECK (((points >= '-9007199254740991'::bigint) AND (points <= '9007199254740991'::bigint))),
    CONSTRAINT entry_seq_check CHECK ((seq > 0)),
    CONSTRAINT entry_sign_fits_kind CHECK (
CASE kind
    WHEN 'earn'::text THEN (points >= 0)
    WHEN 'redeem'::text THEN ((points < 0) AND (available_after >= 0))
    WHEN 'expire'::text THEN (points < 0)
    WHEN 'reverse_earn'::text THEN ((points <= 0) AND (reverses_seq IS NOT NULL))
    WHEN 'reverse_redeem'::text THEN ((points > 0) AND (reverses_seq IS NOT NULL))
    WHEN 'adjust'::text THEN (points <> 0)
    ELSE false
END),
    CONSTRAINT entry_written_off_check CHECK ((written_off >= 0))
);

ALTER TABLE ledger.entry OWNER TO ledger_owner;

CREATE TABLE ledger.identifier (
    program_id bigint NOT NULL,
    attached_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    identifier_id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    digest bytea NOT NULL,
    masked text NOT NULL,
    CONSTRAINT identifier_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT identifier_type_check CHECK ((type = ANY (ARRAY['card'::text, 'phone'::text, 'email'::text, 'external'::text])))
);

ALTER TABLE ledger.identifier OWNER TO ledger_owner;

CREATE TABLE ledger.lot (
    program_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    available_at timestamp with time zone NOT NULL,
    remaining bigint NOT NULL,
    account_id text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT lot_remaining_check CHECK (((remaining >= 0) AND (remaining <= '9007199254740991'::bigint)))
)
WITH (fillfactor='70');

ALTER TABLE ledger.lot OWNER TO ledger_owner;

CREATE TABLE ledger.outcome (
    program_id bigint NOT NULL,
    seq bigint,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    account_id text COLLATE pg_catalog."C",
    form text NOT NULL,
    fingerprint bytea NOT NULL,
    detail json,
    CONSTRAINT outcome_fingerprint_check CHECK ((octet_length(fingerprint) = 16)),
    CONSTRAINT outcome_form_check CHECK ((form = ANY (ARRAY['posted'::text, 'repeated'::text, 'refused'::text, 'answered'::text, 'together'::text]))),
    CONSTRAINT outcome_idempotency_key_check CHECK (((octet_length(idempotency_key) >= 1) AND (octet_length(idempotency_key) <= 255))),
    CONSTRAINT outcome_says_something CHECK (
CASE form
    WHEN 'posted'::text THEN ((seq IS NOT NULL) AND (account_id IS NOT NULL))
    WHEN 'repeated'::text THEN ((seq IS NOT NULL) AND (account_id IS NOT NULL))
    WHEN 'together'::text THEN true
    ELSE (detail IS NOT NULL)
END)
);

ALTER TABLE ledger.outcome OWNER TO ledger_owner;

CREATE TABLE ledger.program (
    program_id bigint NOT NULL,
    slug text NOT NULL COLLATE pg_catalog."C",
    mode text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    clock timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT program_check CHECK (((clock IS NULL) OR (mode = 'test'::text))),
    CONSTRAINT program_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text]))),
    CONSTRAINT program_slug_check CHECK ((slug ~ '^[a-z0-9-]{1,40}$'::text)),
    CONSTRAINT program_version_check CHECK ((version > 0))
);

ALTER TABLE ledger.program OWNER TO ledger_owner;

ALTER TABLE ledger.program ALTER COLUMN program_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.program_program_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.program_version (
    program_id bigint NOT NULL,
    version integer NOT NULL,
    settings json NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT program_version_version_check CHECK ((version > 0))
);

ALTER TABLE ledger.program_version OWNER TO ledger_owner;

CREATE TABLE ledger.schema_version (
    version_num character varying(32) NOT NULL
);

ALTER TABLE ledger.schema_version OWNER TO ledger_owner;

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (program_id, account_id);

ALTER TABLE ONLY ledger.api_key
    ADD CONSTRAINT api_key_digest_key UNIQUE (digest);

ALTER TABLE ONLY ledger.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (program_id, key_id);

ALTER TABLE ONLY ledger.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (program_id, account_id, seq);

ALTER TABLE ONLY ledger.identifier
    ADD CONSTRAINT identifier_pkey PRIMARY KEY (program_id, identifier_id);

ALTER TABLE ONLY ledger.lot
    ADD CONSTRAINT lot_pkey PRIMARY KEY (program_id, account_id, expires_at, available_at);

ALTER TABLE ONLY ledger.outcome
    ADD CONSTRAINT outcome_pkey PRIMARY KEY (program_id, idempotency_key);

ALTER TABLE ONLY ledger.program
    ADD CONSTRAINT program_pkey PRIMARY KEY (program_id);

ALTER TABLE ONLY ledger.program
    ADD CONSTRAINT program_slug_key UNIQUE (slug);

ALTER TABLE ONLY ledger.program_version
    ADD CONSTRAINT program_version_pkey PRIMARY KEY (program_id, version);

ALTER TABLE ONLY ledger.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);

CREATE INDEX account_due ON ledger.account USING btree (program_id, next_due_at) WHERE (next_due_at IS NOT NULL);

CREATE INDEX entry_feed ON ledger.entry USING btree (program_id, xid, account_id, seq) WHERE (xid > '0'::xid8);

CREATE UNIQUE INDEX entry_order ON ledger.entry USING btree (program_id, source, kind, order_id) WHERE ((order_id IS NOT NULL) AND (kind = ANY (ARRAY['earn'::text, 'redeem'::text])));

CREATE INDEX entry_reversals ON ledger.entry USING btree (program_id, account_id, reverses_seq) WHERE (reverses_seq IS NOT NULL);

CREATE UNIQUE INDEX identifier_in_use ON ledger.identifier USING btree (program_id, type, digest) WHERE (revoked_at IS NULL);

CREATE INDEX identifier_of_account ON ledger.identifier USING btree (program_id, account_id) WHERE (account_id > ''::text);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.outcome FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.outcome ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON ledger.program_version FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.program_version ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.outcome FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.outcome ENABLE ALWAYS TRIGGER append_only_truncate;

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.program_version FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.program_version ENABLE ALWAYS TRIGGER append_only_truncate;

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT account_program_id_fkey FOREIGN KEY (program_id) REFERENCES ledger.program(program_id);

ALTER TABLE ONLY ledger.api_key
    ADD CONSTRAINT api_key_program_id_fkey FOREIGN KEY (program_id) REFERENCES ledger.program(program_id);

ALTER TABLE ONLY ledger.identifier
    ADD CONSTRAINT identifier_program_id_account_id_fkey FOREIGN KEY (program_id, account_id) REFERENCES ledger.account(program_id, account_id);

ALTER TABLE ONLY ledger.program_version
    ADD CONSTRAINT program_version_program_id_fkey FOREIGN KEY (program_id) REFERENCES ledger.program(program_id);

GRANT USAGE ON SCHEMA ledger TO ledger_service;
GRANT USAGE ON SCHEMA ledger TO ledger_read;

REVOKE ALL ON FUNCTION ledger.claim_key_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.create_key_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.create_key_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.create_program_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.create_program_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.put_program_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.put_program_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.refuse_call_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.refuse_call_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.refuse_change FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.revoke_key_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.revoke_key_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.write_batch_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.write_batch_v1 TO ledger_service;

GRANT SELECT ON TABLE ledger.account TO ledger_service;
GRANT SELECT ON TABLE ledger.account TO ledger_read;

GRANT SELECT ON TABLE ledger.api_key TO ledger_service;

GRANT SELECT ON TABLE ledger.entry TO ledger_service;
GRANT SELECT ON TABLE ledger.entry TO ledger_read;

GRANT SELECT ON TABLE ledger.identifier TO ledger_service;
GRANT SELECT ON TABLE ledger.identifier TO ledger_read;

GRANT SELECT ON TABLE ledger.lot TO ledger_service;
GRANT SELECT ON TABLE ledger.lot TO ledger_read;

GRANT SELECT ON TABLE ledger.outcome TO ledger_service;
GRANT SELECT ON TABLE ledger.outcome TO ledger_read;

GRANT SELECT ON TABLE ledger.program TO ledger_service;
GRANT SELECT ON TABLE ledger.program TO ledger_read;

GRANT SELECT ON TABLE ledger.program_version TO ledger_service;
GRANT SELECT ON TABLE ledger.program_version TO ledger_read;

GRANT SELECT ON TABLE ledger.schema_version TO ledger_service;
GRANT SELECT ON TABLE ledger.schema_version TO ledger_read;
