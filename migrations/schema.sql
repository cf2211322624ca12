-- The schema `ledger`, drawn from the migrations by `make schema`. To be read, not to be run or edited.
-- squawk-ignore-file

CREATE SCHEMA ledger;

ALTER SCHEMA ledger OWNER TO ledger_owner;

CREATE TYPE ledger.locked_account_v1 AS (
	place tid,
	account_id text,
	version bigint,
	status text,
	seq bigint,
	balance bigint,
	held bigint,
	debt bigint,
	lifetime_points bigint,
	head_hash bytea,
	merged_into text
);

ALTER TYPE ledger.locked_account_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_account_v1 AS (
	account_id text,
	version bigint,
	group_number integer,
	loaded_hash bytea,
	status text,
	seq bigint,
	balance bigint,
	held bigint,
	debt bigint,
	lifetime_points bigint,
	next_due_at timestamp with time zone,
	head_hash bytea,
	merged_into text,
	metadata json,
	standing json
);

ALTER TYPE ledger.proposed_account_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_entry_v1 AS (
	account integer,
	seq bigint,
	kind text,
	points bigint,
	balance_after bigint,
	available_after bigint,
	held_after bigint,
	order_id text,
	source text,
	idempotency_key text,
	fingerprint bytea,
	reason text,
	metadata json,
	movements json,
	available_at timestamp with time zone,
	expires_at timestamp with time zone,
	reverses_seq bigint,
	transfer_id text,
	written_off bigint,
	occurred_at timestamp with time zone,
	hash bytea,
	detail json
);

ALTER TYPE ledger.proposed_entry_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_identifier_v1 AS (
	account integer,
	identifier_id text,
	type text,
	digest bytea,
	masked text
);

ALTER TYPE ledger.proposed_identifier_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_lot_v1 AS (
	account integer,
	expires_at timestamp with time zone,
	available_at timestamp with time zone,
	points bigint
);

ALTER TYPE ledger.proposed_lot_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_outcome_v1 AS (
	account integer,
	idempotency_key text,
	fingerprint bytea,
	form text,
	account_id text,
	seq bigint,
	detail json
);

ALTER TYPE ledger.proposed_outcome_v1 OWNER TO ledger_owner;

CREATE TYPE ledger.proposed_revocation_v1 AS (
	account integer,
	identifier_id text
);

ALTER TYPE ledger.proposed_revocation_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.advance_clock_v1(p_program_id bigint, p_to timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    UPDATE program SET clock = p_to
    WHERE program_id = p_program_id AND mode = 'test' AND isfinite(p_to)
        AND coalesce(clock, clock_timestamp()) <= p_to
    RETURNING clock;
$$;

ALTER FUNCTION ledger.advance_clock_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.check_transfers_v1(ids text[], is_written boolean[], a_statuses text[], statuses text[], a_merged_intos text[], merged_intos text[], a_seqs bigint[], seqs bigint[], helds bigint[], e_accounts integer[], e_seqs bigint[], e_kinds text[], e_points bigint[], e_helds bigint[], e_transfer_ids text[], e_details text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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

ALTER FUNCTION ledger.check_transfers_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.check_transfers_v2(ids text[], is_written boolean[], p_accounts ledger.proposed_account_v1[], locked ledger.locked_account_v1[], p_entries ledger.proposed_entry_v1[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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

ALTER FUNCTION ledger.check_transfers_v2 OWNER TO ledger_owner;

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

CREATE FUNCTION ledger.move_identifiers_v1(p_program_id bigint, ids text[], is_written boolean[], e_accounts integer[], e_kinds text[], e_transfer_ids text[], i_identifier_ids text[], is_attached boolean, p_more json) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
DECLARE
    moving record;
BEGIN
    -- One after the other: an account may be merged twice in one batch, or come back.
    FOR moving IN
        SELECT m.identifier_id, m."from" AS from_account, m."to" AS to_account
        FROM json_to_recordset(p_more -> 'identifiers_moved') AS m (identifier_id text, "from" integer, "to" integer)
        WHERE coalesce(m.identifier_id = ANY (i_identifier_ids), false) = is_attached
    LOOP
        CONTINUE WHEN is_written[moving.from_account] IS FALSE AND is_written[moving.to_account] IS FALSE;
        IF NOT EXISTS (
            SELECT FROM unnest(e_accounts, e_kinds, e_transfer_ids) AS gone (account, kind, transfer_id)
            JOIN unnest(e_accounts, e_kinds, e_transfer_ids) AS come (account, kind, transfer_id)
                ON come.transfer_id = gone.transfer_id AND come.kind = 'merge_in' AND come.account = moving.to_account
            WHERE gone.account = moving.from_account AND gone.kind = 'merge_out' AND is_written[moving.from_account]
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

ALTER FUNCTION ledger.move_identifiers_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.move_identifiers_v2(p_program_id bigint, ids text[], is_written boolean[], p_entries ledger.proposed_entry_v1[], p_attachments ledger.proposed_identifier_v1[], is_attached boolean, p_more json) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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

ALTER FUNCTION ledger.move_identifiers_v2 OWNER TO ledger_owner;

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

CREATE FUNCTION ledger.sign_fits_kind_v1(kind text, points bigint, available_after bigint, reverses_seq bigint, transfer_id text, detail json) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
BEGIN
    RETURN (transfer_id IS NOT NULL) = (kind IN ('transfer_out', 'transfer_in', 'merge_out', 'merge_in'))
        AND CASE kind
            WHEN 'expire' THEN points < 0
            WHEN 'reverse_earn' THEN points <= 0 AND reverses_seq IS NOT NULL
            WHEN 'reverse_redeem' THEN points > 0 AND reverses_seq IS NOT NULL
            WHEN 'adjust' THEN points <> 0
            WHEN 'transfer_out' THEN points < 0 AND available_after >= 0
            WHEN 'transfer_in' THEN points > 0
            WHEN 'merge_out' THEN true
            WHEN 'merge_in' THEN true
            WHEN 'hold' THEN points = 0 AND available_after >= 0 AND (detail ->> 'hold_id') IS NOT NULL
            WHEN 'release' THEN points = 0 AND (detail ->> 'hold_id') IS NOT NULL
            WHEN 'confirm' THEN points = 0 AND reverses_seq IS NOT NULL
            WHEN 'tier' THEN points = 0
            ELSE false
        END;
END
$$;

ALTER FUNCTION ledger.sign_fits_kind_v1 OWNER TO ledger_owner;

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

CREATE FUNCTION ledger.write_batch_v2(p_program_id bigint, p_rule_version integer, p_now timestamp with time zone, a_account_ids text[], a_versions bigint[], a_groups integer[], a_loaded_hashes bytea[], a_statuses text[], a_seqs bigint[], a_balances bigint[], a_helds bigint[], a_debts bigint[], a_lifetimes bigint[], a_due_ats timestamp with time zone[], a_head_hashes bytea[], a_metadatas text[], a_merged_intos text[], a_standings text[], e_accounts integer[], e_seqs bigint[], e_kinds text[], e_points bigint[], e_balances bigint[], e_availables bigint[], e_helds bigint[], e_order_ids text[], e_sources text[], e_keys text[], e_fingerprints bytea[], e_reasons text[], e_metadatas text[], e_movements text[], e_available_ats timestamp with time zone[], e_expires_ats timestamp with time zone[], e_reverses bigint[], e_transfer_ids text[], e_written_offs bigint[], e_occurred_ats timestamp with time zone[], e_hashes bytea[], e_details text[], l_accounts integer[], l_expires_ats timestamp with time zone[], l_available_ats timestamp with time zone[], l_points bigint[], k_accounts integer[], k_keys text[], k_fingerprints bytea[], k_forms text[], k_account_ids text[], k_seqs bigint[], k_details text[], i_accounts integer[], i_identifier_ids text[], i_types text[], i_digests bytea[], i_maskeds text[], r_accounts integer[], r_identifier_ids text[], p_more json) RETURNS SETOF text
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

ALTER FUNCTION ledger.write_batch_v2 OWNER TO ledger_owner;

CREATE FUNCTION ledger.write_batch_v3(p_program_id bigint, p_rule_version integer, p_now timestamp with time zone, p_accounts ledger.proposed_account_v1[], p_entries ledger.proposed_entry_v1[], p_lots ledger.proposed_lot_v1[], p_outcomes ledger.proposed_outcome_v1[], p_attachments ledger.proposed_identifier_v1[], p_revocations ledger.proposed_revocation_v1[], p_more json) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    accounts_total CONSTANT integer := cardinality(p_accounts);
    now_at timestamptz;
    program_version integer;
    is_past boolean;
    ids text[] := '{}';
    last_id text := '';
    locked locked_account_v1[];
    is_written boolean[];
    lost_groups integer[];
    lost text[] := '{}';
    -- One account: as it shall be, as it is in the books, and what its entries and lots have come to so far.
    shall proposed_account_v1;
    was locked_account_v1;
    posted proposed_entry_v1;
    moved proposed_lot_v1;
    entry_place integer := 1;
    lot_place integer := 1;
    seq_so_far bigint;
    balance_so_far bigint;
    held_so_far bigint;
    lifetime_so_far bigint;
    lots_so_far bigint;
    undated_so_far bigint;
    may_owe boolean;
    -- What the batch has to do with at all.
    has_new boolean := false;
    has_conflict boolean := false;
    has_dates boolean := false;
    has_holds boolean;
    has_transfers boolean := false;
    has_reversals boolean := false;
    has_several boolean := false;
    has_taken boolean := false;
    has_debts boolean := false;
    taken_total bigint;
    found_total bigint;
    emptied tid[];
BEGIN
    IF num_nulls(p_program_id, p_rule_version, p_now, p_accounts, p_entries, p_lots, p_outcomes, p_attachments,
        p_revocations) > 0
    THEN
        RAISE EXCEPTION 'an argument is missing' USING ERRCODE = 'LG001';
    END IF;
    IF accounts_total > 2000 OR cardinality(p_entries) > 20000 OR cardinality(p_lots) > 20000
        OR cardinality(p_outcomes) > 20000 OR cardinality(p_attachments) > 20000 OR cardinality(p_revocations) > 20000
    THEN
        RAISE EXCEPTION 'a batch holds at most 2000 accounts and 20000 entries' USING ERRCODE = 'LG001';
    END IF;
    -- A place means the same in a list wherever it is used only if the list is flat and begins at 1.
    IF array_ndims(p_accounts) <> 1 OR array_lower(p_accounts, 1) <> 1
        OR array_ndims(p_entries) <> 1 OR array_lower(p_entries, 1) <> 1
        OR array_ndims(p_lots) <> 1 OR array_lower(p_lots, 1) <> 1
        OR array_ndims(p_outcomes) <> 1 OR array_lower(p_outcomes, 1) <> 1
        OR array_ndims(p_attachments) <> 1 OR array_lower(p_attachments, 1) <> 1
        OR array_ndims(p_revocations) <> 1 OR array_lower(p_revocations, 1) <> 1
    THEN
        RAISE EXCEPTION 'a list is not flat, or does not begin at 1' USING ERRCODE = 'LG001';
    END IF;
    -- Those of entries and lots are seen to account by account, below. No account at all: 0, for outcomes alone.
    IF cardinality(p_outcomes) + cardinality(p_attachments) + cardinality(p_revocations) > 0 THEN
        IF EXISTS (
            SELECT FROM unnest(p_outcomes) AS k WHERE (k.account BETWEEN 0 AND accounts_total) IS NOT TRUE
            UNION ALL
            SELECT FROM unnest(p_attachments) AS i WHERE (i.account BETWEEN 1 AND accounts_total) IS NOT TRUE
            UNION ALL
            SELECT FROM unnest(p_revocations) AS r WHERE (r.account BETWEEN 1 AND accounts_total) IS NOT TRUE
        ) THEN
            RAISE EXCEPTION 'a row is of no account of the batch' USING ERRCODE = 'LG001';
        END IF;
    END IF;
    IF p_more IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM json_each(p_more) AS more (name, listed)
            WHERE more.name NOT IN ('holds_placed', 'holds_moved', 'holds_closed', 'identifiers_moved', 'days')
                OR json_array_length(more.listed) > 20000
        ) THEN
            RAISE EXCEPTION 'there is more than a batch holds' USING ERRCODE = 'LG001';
        END IF;
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        RAISE EXCEPTION 'synchronous_commit = % would acknowledge what a crash loses',
            current_setting('synchronous_commit') USING ERRCODE = 'LG001';
    END IF;
    FOREACH shall IN ARRAY p_accounts LOOP
        IF (shall.account_id > last_id COLLATE "C" AND shall.version >= 0 AND shall.group_number >= 0) IS NOT TRUE THEN
            RAISE EXCEPTION 'the accounts are not sorted, one is named twice, loaded at no version, or has no group'
                USING ERRCODE = 'LG001';
        END IF;
        last_id := shall.account_id;
        ids := ids || last_id;
        has_new := has_new OR shall.version = 0;
    END LOOP;

    SELECT coalesce(clock, clock_timestamp()), version, p_now < clock INTO now_at, program_version, is_past
    FROM program WHERE program_id = p_program_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no program %', p_program_id USING ERRCODE = 'LG001';
    END IF;
    -- New settings, or a test program's clock that was moved on, void what was decided before.
    IF p_rule_version IS DISTINCT FROM program_version OR is_past THEN
        RETURN CASE WHEN accounts_total = 0 THEN ARRAY[''] ELSE ids END;
    END IF;
    IF p_now NOT BETWEEN now_at - interval '1 minute' AND now_at + interval '1 second' THEN
        RAISE EXCEPTION 'recorded at %, but the clock says %', p_now, now_at USING ERRCODE = 'LG001';
    END IF;

    IF has_new THEN
        INSERT INTO account (program_id, account_id, status, version, seq, balance, held, debt, lifetime_points,
            head_hash, metadata, created_at)
        SELECT p_program_id, a.account_id, 'active', 0, 0, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'), a.metadata, p_now
        FROM unnest(p_accounts) AS a
        WHERE a.version = 0
        ORDER BY a.account_id COLLATE "C"
        ON CONFLICT DO NOTHING;
    END IF;
    SELECT coalesce(array_agg(ROW(one.ctid, one.account_id, one.version, one.status, one.seq, one.balance, one.held, one.debt,
            one.lifetime_points, one.head_hash, one.merged_into)::locked_account_v1), '{}')
    INTO locked
    FROM unnest(ids) AS a (account_id)
    CROSS JOIN LATERAL (
        SELECT account.ctid, account.* FROM account
        WHERE account.program_id = p_program_id AND account.account_id = a.account_id
        FOR NO KEY UPDATE
    ) AS one;
    IF cardinality(locked) <> accounts_total THEN
        RAISE EXCEPTION 'an account is not in the books' USING ERRCODE = 'LG001';
    END IF;
    FOR place IN 1 .. accounts_total LOOP
        has_conflict := has_conflict OR p_accounts[place].version <> locked[place].version;
    END LOOP;

    -- Who was written meanwhile goes, with the group, and all that was proposed of them. From here on everything that is
    -- left is written, but for the accounts: their places stay.
    is_written := array_fill(true, ARRAY[accounts_total]);
    IF has_conflict THEN
        SELECT array_agg(a.group_number) INTO lost_groups
        FROM unnest(p_accounts) WITH ORDINALITY AS a
        WHERE a.version <> locked[a.ordinality].version;
        SELECT array_agg(a.group_number <> ALL (lost_groups) ORDER BY a.ordinality),
            array_agg(a.account_id ORDER BY a.ordinality) FILTER (WHERE a.group_number = ANY (lost_groups))
        INTO is_written, lost
        FROM unnest(p_accounts) WITH ORDINALITY AS a;
        DELETE FROM account USING unnest(locked) AS new
        WHERE new.version = 0 AND new.account_id = ANY (lost) AND account.ctid = new.place;
        p_entries := ARRAY(SELECT e FROM unnest(p_entries) AS e WHERE is_written[e.account] IS NOT FALSE);
        p_lots := ARRAY(SELECT l FROM unnest(p_lots) AS l WHERE is_written[l.account] IS NOT FALSE);
        p_outcomes := ARRAY(SELECT k FROM unnest(p_outcomes) AS k WHERE is_written[k.account]);
        p_attachments := ARRAY(SELECT i FROM unnest(p_attachments) AS i WHERE is_written[i.account]);
        p_revocations := ARRAY(SELECT r FROM unnest(p_revocations) AS r WHERE is_written[r.account]);
    END IF;

    has_holds := coalesce(p_more ->> 'holds_placed', p_more ->> 'holds_moved', p_more ->> 'holds_closed') IS NOT NULL;
    FOR place IN 1 .. accounts_total LOOP
        CONTINUE WHEN NOT is_written[place];
        shall := p_accounts[place];
        was := locked[place];
        seq_so_far := was.seq;
        balance_so_far := was.balance;
        held_so_far := was.held;
        lifetime_so_far := was.lifetime_points;
        lots_so_far := 0;
        undated_so_far := 0;
        may_owe := false;

        -- Each entry: the next in its account, by its own points. Held points are set aside by a hold, come back by a
        -- release, are redeemed by a capture and move with a merge.
        WHILE p_entries[entry_place].account = place LOOP
            posted := p_entries[entry_place];
            entry_place := entry_place + 1;
            seq_so_far := seq_so_far + 1;
            balance_so_far := balance_so_far + posted.points;
            IF (posted.seq = seq_so_far AND posted.balance_after = balance_so_far AND CASE posted.kind
                WHEN 'hold' THEN posted.held_after > held_so_far
                WHEN 'release' THEN posted.held_after < held_so_far
                WHEN 'redeem' THEN posted.held_after - held_so_far
                    = CASE WHEN (posted.detail ->> 'hold_id') IS NULL THEN 0 ELSE posted.points END
                WHEN 'merge_out' THEN posted.held_after <= held_so_far
                WHEN 'merge_in' THEN posted.held_after >= held_so_far
                ELSE posted.held_after = held_so_far
            END) IS NOT TRUE THEN
                RAISE EXCEPTION 'seq, balance_after or held_after of an entry do not follow from the one before'
                    USING ERRCODE = 'LG001';
            END IF;
            lifetime_so_far := lifetime_so_far + CASE
                WHEN posted.kind IN ('earn', 'reverse_earn') THEN posted.points
                WHEN posted.kind IN ('merge_out', 'merge_in') THEN coalesce((posted.detail #>> '{merged,lifetime}')::bigint, 0)
                ELSE 0
            END;
            -- Most entries move their own points in the lot without dates, or none: nothing to parse.
            IF posted.movements::text = '[[null,null,' || posted.points || ']]' THEN
                undated_so_far := undated_so_far + posted.points;
            ELSIF posted.movements::text <> '[]' THEN
                has_dates := true;
            END IF;
            IF posted.kind NOT IN ('earn', 'redeem', 'expire') OR posted.held_after <> held_so_far
                OR num_nonnulls(posted.transfer_id, posted.reverses_seq) > 0
                OR (posted.idempotency_key IS NULL) <> (posted.fingerprint IS NULL)
            THEN
                may_owe := may_owe OR posted.kind IN ('reverse_earn', 'adjust', 'merge_out', 'merge_in');
                has_holds := has_holds OR posted.held_after <> held_so_far
                    OR posted.kind IN ('hold', 'release', 'merge_out', 'merge_in');
                has_transfers := has_transfers OR posted.transfer_id IS NOT NULL;
                has_reversals := has_reversals OR posted.reverses_seq IS NOT NULL;
                has_several := has_several OR (posted.idempotency_key IS NULL) <> (posted.fingerprint IS NULL);
            END IF;
            held_so_far := posted.held_after;
        END LOOP;

        WHILE p_lots[lot_place].account = place LOOP
            moved := p_lots[lot_place];
            lot_place := lot_place + 1;
            IF moved.points < 0 THEN
                has_taken := true;
            ELSIF (moved.points > 0) IS NOT TRUE THEN
                RAISE EXCEPTION 'a lot stays as it is' USING ERRCODE = 'LG001';
            END IF;
            lots_so_far := lots_so_far + moved.points;
            IF moved.expires_at = 'infinity' AND moved.available_at = '-infinity' THEN
                undated_so_far := undated_so_far - moved.points;
            ELSE
                has_dates := true;
            END IF;
        END LOOP;

        -- The account: continued from where it was loaded, and what its entries leave. balance = lots + held - debt, so
        -- the changes of these must agree. Who is merged has nothing, and says into which account.
        IF (shall.loaded_hash = was.head_hash
            AND shall.seq = seq_so_far AND shall.balance = balance_so_far AND shall.held = held_so_far
            AND shall.lifetime_points = lifetime_so_far
            AND shall.head_hash = CASE WHEN shall.seq > was.seq THEN posted.hash ELSE was.head_hash END
            AND shall.balance - was.balance = lots_so_far + shall.held - was.held - shall.debt + was.debt
            AND (undated_so_far = 0 OR has_dates)
            AND (shall.debt <= was.debt OR may_owe)
            AND (shall.status = 'merged') = (shall.merged_into IS NOT NULL)
            AND (shall.status <> 'merged' OR (shall.balance = 0 AND shall.held = 0 AND shall.debt = 0))
            AND (shall.seq > was.seq OR (shall.debt = was.debt AND shall.merged_into IS NOT DISTINCT FROM was.merged_into))
        ) IS NOT TRUE THEN
            RAISE EXCEPTION 'an account does not follow from where it was loaded and what was posted to it'
                USING ERRCODE = 'LG001';
        END IF;
        IF shall.debt > 0 OR 'merged' IN (shall.status, was.status) THEN
            has_debts := has_debts OR shall.debt > 0;
            has_transfers := has_transfers OR (shall.seq > was.seq AND 'merged' IN (shall.status, was.status));
        END IF;
    END LOOP;
    IF entry_place <= cardinality(p_entries) OR lot_place <= cardinality(p_lots) THEN
        RAISE EXCEPTION 'an entry or a lot is of no account, or not in the order of the accounts' USING ERRCODE = 'LG001';
    END IF;
    IF has_transfers THEN
        PERFORM check_transfers_v2(ids, is_written, p_accounts, locked, p_entries);
    END IF;
    -- Each lot changes by what the entries moved. They say microseconds since 1970, or null for a date that is none; points
    -- that wait for an event say the last microsecond of 9999.
    IF has_dates THEN
        IF EXISTS (
            SELECT FROM (
                SELECT e.account, (movement.value ->> 0)::bigint AS expires_at, (movement.value ->> 1)::bigint AS available_at,
                    (movement.value ->> 2)::bigint AS points
                FROM unnest(p_entries) AS e
                CROSS JOIN LATERAL json_array_elements(e.movements) AS movement
                UNION ALL
                SELECT l.account,
                    CASE WHEN isfinite(l.expires_at) THEN (extract(epoch FROM l.expires_at) * 1000000)::bigint END,
                    CASE
                        WHEN isfinite(l.available_at) THEN (extract(epoch FROM l.available_at) * 1000000)::bigint
                        WHEN l.available_at = 'infinity' THEN 253402300799999999
                    END, -l.points
                FROM unnest(p_lots) AS l
            ) AS change
            GROUP BY change.account, change.expires_at, change.available_at
            HAVING sum(change.points) <> 0 OR count(change.points) < count(*)
        ) THEN
            RAISE EXCEPTION 'the lots do not change as the entries say' USING ERRCODE = 'LG001';
        END IF;
    END IF;
    IF cardinality(p_outcomes) > 0 THEN
        IF EXISTS (
            SELECT FROM unnest(p_outcomes) AS k
            WHERE k.form NOT IN ('several', 'repeated', 'refused', 'answered', 'together')
                OR (k.form = 'repeated' AND NOT EXISTS (
                    SELECT FROM entry AS one
                    WHERE one.program_id = p_program_id AND one.account_id = k.account_id AND one.seq = k.seq
                    OFFSET 0)
                    AND NOT EXISTS (
                    SELECT FROM unnest(p_entries) AS e WHERE ids[e.account] = k.account_id AND e.seq = k.seq))
        ) THEN
            RAISE EXCEPTION 'an outcome names an entry that is not in the books' USING ERRCODE = 'LG001';
        END IF;
    END IF;
    -- Several entries under one key: the outcome names what is written beside it, and every such entry is named by one.
    IF has_several OR cardinality(p_outcomes) > 0 THEN
        IF EXISTS (
            SELECT FROM (
                SELECT k.idempotency_key, named.value ->> 0 AS account_id, (named.value ->> 1)::bigint AS seq, true AS is_named
                FROM unnest(p_outcomes) AS k
                CROSS JOIN LATERAL json_array_elements(k.detail -> 'entries') AS named
                WHERE k.form = 'several'
                UNION ALL
                SELECT e.idempotency_key, ids[e.account], e.seq, false
                FROM unnest(p_entries) AS e
                WHERE (e.idempotency_key IS NULL) <> (e.fingerprint IS NULL)
            ) AS several
            GROUP BY several.idempotency_key, several.account_id, several.seq
            HAVING count(*) <> 2 OR NOT bool_or(several.is_named) OR bool_and(several.is_named)
        ) THEN
            RAISE EXCEPTION 'an outcome names other entries than those with its key' USING ERRCODE = 'LG001';
        END IF;
    END IF;

    -- Keys in their order, as every writer takes them: two writers of the same keys wait for each other, never in a circle.
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, account_id, seq, detail)
    SELECT p_program_id, o.idempotency_key, o.fingerprint, o.form, o.account_id, o.seq, o.detail
    FROM (
        SELECT e.idempotency_key, e.fingerprint, 'posted' AS form, ids[e.account] AS account_id, e.seq, NULL::json AS detail
        FROM unnest(p_entries) AS e
        WHERE e.fingerprint IS NOT NULL
        UNION ALL
        SELECT k.idempotency_key, k.fingerprint, k.form, k.account_id, k.seq, k.detail
        FROM unnest(p_outcomes) AS k
    ) AS o
    ORDER BY o.idempotency_key COLLATE "C";

    -- In the order of their orders, for the same reason.
    INSERT INTO entry (program_id, account_id, seq, kind, points, balance_after, available_after, held_after, order_id,
        source, idempotency_key, reason, metadata, movements, available_at, expires_at, reverses_seq, transfer_id,
        written_off, rule_version, occurred_at, recorded_at, hash, detail)
    SELECT p_program_id, ids[e.account], e.seq, e.kind, e.points, e.balance_after, e.available_after, e.held_after, e.order_id,
        e.source, e.idempotency_key, e.reason, e.metadata, e.movements, e.available_at, e.expires_at, e.reverses_seq,
        e.transfer_id, e.written_off, p_rule_version, e.occurred_at, p_now, e.hash, e.detail
    FROM unnest(p_entries) AS e
    ORDER BY e.order_id COLLATE "C", e.source COLLATE "C", e.kind;
    -- What the survivor of a merge undoes may stand in the books of the account that was merged into it.
    IF has_reversals THEN
        IF EXISTS (
            SELECT FROM (
                SELECT e.kind, e.reverses_seq, e.detail ->> 'reverses_account' AS elsewhere,
                    coalesce(e.detail ->> 'reverses_account', ids[e.account]) AS account_id
                FROM unnest(p_entries) AS e
                WHERE e.reverses_seq IS NOT NULL
            ) AS e
            WHERE (e.elsewhere IS NOT NULL AND NOT EXISTS (
                    SELECT FROM unnest(p_accounts) WITH ORDINALITY AS a
                    WHERE a.account_id = e.elsewhere AND is_written[a.ordinality]
                        AND 'merged' IN (a.status, locked[a.ordinality].status)))
                OR NOT EXISTS (
                SELECT FROM entry AS undone
                WHERE undone.program_id = p_program_id AND undone.account_id = e.account_id AND undone.seq = e.reverses_seq
                    AND e.kind = CASE
                        WHEN e.kind = 'confirm' AND undone.kind = 'earn' THEN 'confirm' ELSE 'reverse_' || undone.kind
                    END
                    AND abs(undone.points) >= (
                        SELECT coalesce(sum(abs(undoing.points) + undoing.written_off), 0) FROM entry AS undoing
                        WHERE undoing.program_id = p_program_id AND undoing.account_id = e.account_id
                            AND undoing.reverses_seq = e.reverses_seq AND (undoing.detail ->> 'reverses_account') IS NULL
                    ) + (
                        SELECT coalesce(sum(abs(undoing.points) + undoing.written_off), 0) FROM entry AS undoing
                        WHERE undoing.program_id = p_program_id AND (undoing.detail ->> 'reverses_account') = e.account_id
                            AND coalesce(undoing.reverses_seq, 0) = e.reverses_seq)
                OFFSET 0)
        ) THEN
            RAISE EXCEPTION 'more is taken back than there was' USING ERRCODE = 'LG001';
        END IF;
    END IF;

    IF cardinality(p_lots) > 0 THEN
        INSERT INTO lot (program_id, account_id, expires_at, available_at, remaining)
        SELECT p_program_id, ids[l.account], l.expires_at, l.available_at, l.points
        FROM unnest(p_lots) AS l
        WHERE l.points > 0
        ON CONFLICT (program_id, account_id, expires_at, available_at)
        DO UPDATE SET remaining = lot.remaining + excluded.remaining;
    END IF;
    IF has_taken THEN
        -- OFFSET 0: each lot is looked up by its key, whatever the planner believes of a table without statistics.
        WITH taken AS (
            UPDATE lot SET remaining = lot.remaining + l.points
            FROM unnest(p_lots) AS l
            CROSS JOIN LATERAL (
                SELECT one.ctid AS place FROM lot AS one
                WHERE one.program_id = p_program_id AND one.account_id = ids[l.account]
                    AND one.expires_at = l.expires_at AND one.available_at = l.available_at
                OFFSET 0
            ) AS found
            WHERE l.points < 0 AND lot.ctid = found.place
            RETURNING lot.ctid AS place, lot.remaining
        )
        SELECT count(*), array_agg(taken.place) FILTER (WHERE taken.remaining = 0),
            (SELECT count(*) FROM unnest(p_lots) AS l WHERE l.points < 0)
        INTO found_total, emptied, taken_total FROM taken;
        IF found_total <> taken_total THEN
            RAISE EXCEPTION 'points are taken from a lot that is not there' USING ERRCODE = 'LG001';
        END IF;
        -- Empty lots go, so that an account with a long life stays quick to load.
        IF emptied IS NOT NULL THEN
            DELETE FROM lot WHERE ctid = ANY (emptied);
        END IF;
    END IF;
    IF has_debts THEN
        IF EXISTS (
            SELECT FROM unnest(p_accounts) WITH ORDINALITY AS a
            WHERE a.debt > 0 AND is_written[a.ordinality] AND EXISTS (
                SELECT FROM lot WHERE lot.program_id = p_program_id AND lot.account_id = a.account_id
                    AND lot.available_at <= p_now AND lot.expires_at > p_now
                OFFSET 0)
        ) THEN
            RAISE EXCEPTION 'a debt stands beside usable points' USING ERRCODE = 'LG001';
        END IF;
    END IF;

    -- They are all locked, so their rows are where they were found.
    UPDATE account SET version = account.version + 1, status = a.status, seq = a.seq, balance = a.balance, held = a.held,
        debt = a.debt, lifetime_points = a.lifetime_points, next_due_at = a.next_due_at, head_hash = a.head_hash,
        merged_into = a.merged_into, standing = a.standing
    FROM unnest(p_accounts) WITH ORDINALITY AS a
    WHERE account.ctid = locked[a.ordinality].place AND is_written[a.ordinality];

    IF has_holds THEN
        PERFORM write_holds_v2(p_program_id, p_now, ids, is_written, p_accounts, locked, p_entries, p_more);
    END IF;
    IF p_more IS NOT NULL THEN
        -- What an account without a new entry counts stays as it is.
        IF EXISTS (
            SELECT FROM json_to_recordset(p_more -> 'days') AS d (account integer)
            WHERE is_written[d.account] IS NULL OR (is_written[d.account] AND p_accounts[d.account].seq = locked[d.account].seq)
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
    IF (p_more ->> 'identifiers_moved') IS NOT NULL THEN
        PERFORM move_identifiers_v2(p_program_id, ids, is_written, p_entries, p_attachments, false, p_more);
    END IF;
    -- Revocations first: what they give up may be attached anew in the same batch. Who is attached and revoked in it
    -- comes into the books revoked.
    IF cardinality(p_revocations) > 0 THEN
        UPDATE identifier SET revoked_at = p_now
        FROM unnest(p_revocations) AS r
        CROSS JOIN LATERAL (
            SELECT one.ctid AS place, one.account_id, one.revoked_at FROM identifier AS one
            WHERE one.program_id = p_program_id AND one.identifier_id = r.identifier_id
            OFFSET 0
        ) AS found
        WHERE found.account_id = ids[r.account] AND found.revoked_at IS NULL AND identifier.ctid = found.place;
    END IF;
    IF cardinality(p_attachments) > 0 THEN
        INSERT INTO identifier (program_id, identifier_id, account_id, type, digest, masked, attached_at, revoked_at)
        SELECT p_program_id, i.identifier_id, ids[i.account], i.type, i.digest, i.masked, p_now,
            CASE WHEN i.identifier_id IN (SELECT r.identifier_id FROM unnest(p_revocations) AS r) THEN p_now END
        FROM unnest(p_attachments) AS i
        ORDER BY i.type, i.digest;
        IF (p_more ->> 'identifiers_moved') IS NOT NULL THEN
            PERFORM move_identifiers_v2(p_program_id, ids, is_written, p_entries, p_attachments, true, p_more);
        END IF;
    END IF;
    IF cardinality(p_revocations) > 0 THEN
        IF EXISTS (
            SELECT FROM unnest(p_revocations) AS r
            WHERE NOT EXISTS (
                SELECT FROM identifier AS one
                WHERE one.program_id = p_program_id AND one.identifier_id = r.identifier_id
                    AND one.account_id = ids[r.account] AND one.revoked_at IS NOT NULL
                OFFSET 0)
        ) THEN
            RAISE EXCEPTION 'an identifier is revoked that the account does not have' USING ERRCODE = 'LG001';
        END IF;
    END IF;
    RETURN lost;
END
$$;

ALTER FUNCTION ledger.write_batch_v3 OWNER TO ledger_owner;

CREATE FUNCTION ledger.write_holds_v1(p_program_id bigint, p_now timestamp with time zone, ids text[], is_written boolean[], a_helds bigint[], helds bigint[], e_accounts integer[], e_seqs bigint[], e_kinds text[], e_points bigint[], e_helds bigint[], e_order_ids text[], e_sources text[], e_movements text[], e_transfer_ids text[], e_details text[], p_more json) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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
        SELECT e.account, e.seq, e.kind, e.points, e.detail::json AS detail, e.place,
            e.held - coalesce(lag(e.held) OVER entries, helds[e.account]) AS held_change
        FROM unnest(e_accounts, e_seqs, e_kinds, e_points, e_helds, e_details) WITH ORDINALITY
            AS e (account, seq, kind, points, held, detail, place)
        WHERE is_written[e.account]
        WINDOW entries AS (PARTITION BY e.account ORDER BY e.seq)
    ) AS e
    WHERE e.kind IN ('hold', 'release', 'merge_out', 'merge_in') OR (e.kind = 'redeem' AND (e.detail ->> 'hold_id') IS NOT NULL);

    SELECT bool_or(is_written[h.account] IS NULL OR (is_written[h.account] AND NOT EXISTS (
            SELECT FROM unnest(s_accounts, s_seqs, s_kinds, s_hold_ids, s_changes, s_places)
                AS e (account, seq, kind, hold_id, held_change, place)
            WHERE e.kind = 'hold' AND e.account = h.account AND e.seq = h.seq AND e.hold_id = h.hold_id
                AND e.held_change = h.points AND e_sources[e.place] = h.source
                AND e_order_ids[e.place] IS NOT DISTINCT FROM h.order_id
                AND -h.points = (
                    SELECT sum((movement.value ->> 2)::bigint)
                    FROM json_array_elements(e_movements[e.place]::json) AS movement)
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
                ON come.kind = 'merge_in' AND e_transfer_ids[come.place] = e_transfer_ids[gone.place]
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
                WHEN 'released' THEN e.kind = 'release' AND (e_details[e.place]::json ->> 'timed_out') IS NULL
                WHEN 'timed_out' THEN e.kind = 'release' AND e_details[e.place]::json ->> 'timed_out' = 'true'
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
        SELECT FROM unnest(ids, is_written, a_helds, helds) WITH ORDINALITY AS a (account_id, stays, held, held_now, place)
        WHERE a.stays AND (a.held <> a.held_now OR a.place = ANY (s_accounts)) AND a.held <> (
            SELECT coalesce(sum(hold.points), 0) FROM hold
            WHERE hold.program_id = p_program_id AND hold.account_id = a.account_id AND hold.status = 'open')
    ) THEN
        RAISE EXCEPTION 'the held points are not those of the open holds' USING ERRCODE = 'LG001';
    END IF;
END
$$;

ALTER FUNCTION ledger.write_holds_v1 OWNER TO ledger_owner;

CREATE FUNCTION ledger.write_holds_v2(p_program_id bigint, p_now timestamp with time zone, ids text[], is_written boolean[], p_accounts ledger.proposed_account_v1[], locked ledger.locked_account_v1[], p_entries ledger.proposed_entry_v1[], p_more json) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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

ALTER FUNCTION ledger.write_holds_v2 OWNER TO ledger_owner;

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
    standing json,
    CONSTRAINT account_in_bounds CHECK (((GREATEST(abs(balance), abs(lifetime_points), held, debt) <= '9007199254740991'::bigint) AND (LEAST(version, seq, held, debt) >= 0) AND ((octet_length(account_id) >= 1) AND (octet_length(account_id) <= 64)) AND (octet_length(head_hash) = 32) AND (status = ANY ('{active,suspended,closed,merged}'::text[]))))
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
    detail json,
    CONSTRAINT entry_in_bounds CHECK (((GREATEST(abs(points), abs(balance_after)) <= '9007199254740991'::bigint) AND (LEAST((seq - 1), held_after, written_off, ((balance_after - available_after) - held_after)) >= 0) AND (octet_length(hash) = 32))),
    CONSTRAINT entry_reverses_what_came_before CHECK (COALESCE(((reverses_seq < seq) OR ((detail ->> 'reverses_account'::text) <> account_id)), (reverses_seq IS NULL))),
    CONSTRAINT entry_sign_fits_kind CHECK (
CASE kind
    WHEN 'earn'::text THEN ((points >= 0) AND (transfer_id IS NULL))
    WHEN 'redeem'::text THEN ((points < 0) AND (transfer_id IS NULL) AND ((available_after >= 0) OR ((detail ->> 'hold_id'::text) IS NOT NULL)))
    ELSE ledger.sign_fits_kind_v1(kind, points, available_after, reverses_seq, transfer_id, detail)
END)
);

ALTER TABLE ledger.entry OWNER TO ledger_owner;

CREATE TABLE ledger.hold (
    program_id bigint NOT NULL,
    seq bigint NOT NULL,
    points bigint NOT NULL,
    captured bigint DEFAULT 0 NOT NULL,
    closed_seq bigint,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    hold_id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    origin_account_id text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    order_id text COLLATE pg_catalog."C",
    movements json NOT NULL,
    CONSTRAINT hold_captures_something CHECK (((status = 'captured'::text) = (captured > 0))),
    CONSTRAINT hold_check CHECK (((captured >= 0) AND (captured <= points))),
    CONSTRAINT hold_closed_seq_check CHECK ((closed_seq > 0)),
    CONSTRAINT hold_expires_at_check CHECK (isfinite(expires_at)),
    CONSTRAINT hold_hold_id_check CHECK (((octet_length(hold_id) >= 1) AND (octet_length(hold_id) <= 64))),
    CONSTRAINT hold_is_closed_by_an_entry CHECK ((((status = 'open'::text) = (closed_seq IS NULL)) AND ((closed_seq IS NULL) = (closed_at IS NULL)))),
    CONSTRAINT hold_points_check CHECK (((points >= 1) AND (points <= '9007199254740991'::bigint))),
    CONSTRAINT hold_seq_check CHECK ((seq > 0)),
    CONSTRAINT hold_status_check CHECK ((status = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text, 'timed_out'::text])))
)
WITH (fillfactor='90');

ALTER TABLE ledger.hold OWNER TO ledger_owner;

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
    CONSTRAINT outcome_says_something CHECK ((((octet_length(idempotency_key) >= 1) AND (octet_length(idempotency_key) <= 255)) AND (octet_length(fingerprint) = 16) AND
CASE
    WHEN (form = ANY ('{posted,repeated}'::text[])) THEN ((seq IS NOT NULL) AND (account_id IS NOT NULL))
    WHEN (form = ANY ('{several,refused,answered}'::text[])) THEN (detail IS NOT NULL)
    ELSE (form = 'together'::text)
END))
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

CREATE TABLE ledger.qualifying_day (
    program_id bigint NOT NULL,
    points bigint NOT NULL,
    day date NOT NULL,
    visits integer NOT NULL,
    account_id text NOT NULL COLLATE pg_catalog."C",
    spend numeric NOT NULL,
    CONSTRAINT qualifying_day_points_check CHECK (((points >= '-9007199254740991'::bigint) AND (points <= '9007199254740991'::bigint)))
)
WITH (fillfactor='70');

ALTER TABLE ledger.qualifying_day OWNER TO ledger_owner;

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

ALTER TABLE ONLY ledger.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (program_id, hold_id);

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

ALTER TABLE ONLY ledger.qualifying_day
    ADD CONSTRAINT qualifying_day_pkey PRIMARY KEY (program_id, account_id, day);

ALTER TABLE ONLY ledger.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);

CREATE INDEX account_due ON ledger.account USING btree (program_id, next_due_at) WHERE (next_due_at IS NOT NULL);

CREATE INDEX entry_feed ON ledger.entry USING btree (program_id, xid, account_id, seq) WHERE (xid > '0'::xid8);

CREATE UNIQUE INDEX entry_order ON ledger.entry USING btree (program_id, source, kind, order_id) WHERE ((order_id IS NOT NULL) AND (kind = ANY (ARRAY['earn'::text, 'redeem'::text])));

CREATE INDEX entry_reversals ON ledger.entry USING btree (program_id, account_id, reverses_seq) WHERE (reverses_seq IS NOT NULL);

CREATE INDEX entry_reversals_elsewhere ON ledger.entry USING btree (program_id, ((detail ->> 'reverses_account'::text))) WHERE ((detail ->> 'reverses_account'::text) IS NOT NULL);

CREATE UNIQUE INDEX entry_transfer ON ledger.entry USING btree (program_id, transfer_id, kind) WHERE (transfer_id IS NOT NULL);

CREATE INDEX hold_open ON ledger.hold USING btree (program_id, account_id) WHERE (status = 'open'::text);

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

REVOKE ALL ON TYPE ledger.locked_account_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_account_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_entry_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_identifier_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_lot_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_outcome_v1 FROM PUBLIC;

REVOKE ALL ON TYPE ledger.proposed_revocation_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.advance_clock_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.advance_clock_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.check_transfers_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.check_transfers_v2 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.claim_key_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.create_key_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.create_key_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.create_program_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.create_program_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.move_identifiers_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.move_identifiers_v2 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.put_program_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.put_program_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.refuse_call_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.refuse_call_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.refuse_change FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.revoke_key_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.revoke_key_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.sign_fits_kind_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.write_batch_v1 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.write_batch_v1 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.write_batch_v2 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.write_batch_v2 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.write_batch_v3 FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.write_batch_v3 TO ledger_service;

REVOKE ALL ON FUNCTION ledger.write_holds_v1 FROM PUBLIC;

REVOKE ALL ON FUNCTION ledger.write_holds_v2 FROM PUBLIC;

GRANT SELECT ON TABLE ledger.account TO ledger_service;
GRANT SELECT ON TABLE ledger.account TO ledger_read;

GRANT SELECT ON TABLE ledger.api_key TO ledger_service;

GRANT SELECT ON TABLE ledger.entry TO ledger_service;
GRANT SELECT ON TABLE ledger.entry TO ledger_read;

GRANT SELECT ON TABLE ledger.hold TO ledger_service;
GRANT SELECT ON TABLE ledger.hold TO ledger_read;

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

GRANT SELECT ON TABLE ledger.qualifying_day TO ledger_service;
GRANT SELECT ON TABLE ledger.qualifying_day TO ledger_read;

GRANT SELECT ON TABLE ledger.schema_version TO ledger_service;
GRANT SELECT ON TABLE ledger.schema_version TO ledger_read;
