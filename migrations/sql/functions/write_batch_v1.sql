-- write_batch_v1: the only way into the books. One batch of one program in one transaction.
-- Takes    what the core proposes. Accounts: sorted by account_id, with the version and head hash they were loaded at and
--          what they shall be. Entries, lots and keys name their account by its place in that list (1, 2, …; a key of an
--          account that is not in the books: 0). Lots: the net change of each. Keys: all outcomes but the posted ones,
--          which the entries themselves carry, so that no outcome can name an entry that is not there.
-- Locks    new account rows in account_id order, then the existing ones in account_id order; every writer does.
-- Checks   arrays fit; the clock is ours; versions as loaded; chain continued; seq = previous + 1;
--          balance_after = previous + points; lots, held and debt add up to the balance; lifetime points add up;
--          no lot below 0; no debt beside usable points. Signs and floors are constraints of the tables.
-- Answers  the account_ids in conflict, with all of their groups: nothing of theirs is written, everything else is.
--          All of them when the program's settings moved on.
-- Raises   LG001 when the proposal breaks an invariant, 23514 when a row does. That is a bug in the core (or a lie), so
--          nothing at all is written. 23505 when another writer took a key, an order or an identifier meanwhile.
CREATE FUNCTION ledger.write_batch_v1(
    p_program_id bigint, p_rule_version integer, p_now timestamptz,
    a_account_ids text [], a_versions bigint [], a_groups integer [], a_loaded_hashes bytea [],
    a_statuses text [], a_seqs bigint [], a_balances bigint [], a_helds bigint [], a_debts bigint [],
    a_lifetimes bigint [], a_due_ats timestamptz [], a_head_hashes bytea [], a_metadatas text [],
    e_accounts integer [], e_seqs bigint [], e_kinds text [], e_points bigint [], e_balances bigint [],
    e_availables bigint [], e_helds bigint [], e_order_ids text [], e_sources text [], e_keys text [],
    e_fingerprints bytea [], e_reasons text [], e_metadatas text [], e_movements text [],
    e_available_ats timestamptz [], e_expires_ats timestamptz [], e_reverses bigint [], e_transfer_ids text [],
    e_written_offs bigint [], e_occurred_ats timestamptz [], e_hashes bytea [],
    l_accounts integer [], l_expires_ats timestamptz [], l_available_ats timestamptz [], l_points bigint [],
    k_accounts integer [], k_keys text [], k_fingerprints bytea [], k_forms text [], k_account_ids text [],
    k_seqs bigint [], k_details text [],
    i_accounts integer [], i_identifier_ids text [], i_types text [], i_digests bytea [], i_maskeds text [],
    r_accounts integer [], r_identifier_ids text []
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
    found_ids text[];
    versions bigint[];
    seqs bigint[];
    balances bigint[];
    helds bigint[];
    debts bigint[];
    lifetimes bigint[];
    head_hashes bytea[];
    is_written boolean[];
    lost_groups integer[];
    has_conflict boolean := false;
    is_wrong boolean;
    entries_due bigint;
    lots_due bigint;
    total bigint;
BEGIN
    IF accounts_total IS NULL OR accounts_total > 2000 OR cardinality(e_seqs) > 20000 OR cardinality(k_keys) > 20000 THEN
        RAISE EXCEPTION 'a batch holds at most 2000 accounts and 20000 entries' USING ERRCODE = 'LG001';
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
    IF p_now IS NULL OR p_now NOT BETWEEN now_at - interval '1 minute' AND now_at + interval '1 second' THEN
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
        array_agg(locked.head_hash)
    INTO found_ids, versions, seqs, balances, helds, debts, lifetimes, head_hashes
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

    -- Each account: continued from where it was loaded, and unchanged in its numbers when it gets no entry.
    SELECT bool_or(a.loaded_hash IS DISTINCT FROM a.hash_now OR a.seq < a.seq_now
            OR (a.seq = a.seq_now AND (a.head_hash IS DISTINCT FROM a.hash_now
                OR a.balance IS DISTINCT FROM a.balance_now OR a.held IS DISTINCT FROM a.held_now
                OR a.debt IS DISTINCT FROM a.debt_now OR a.lifetime IS DISTINCT FROM a.lifetime_now))),
        sum(a.seq - a.seq_now),
        count(*) FILTER (WHERE a.balance - a.balance_now - a.held + a.held_now + a.debt - a.debt_now <> 0)
    INTO is_wrong, entries_due, lots_due
    FROM unnest(is_written, a_loaded_hashes, head_hashes, a_head_hashes, a_seqs, seqs, a_balances, balances, a_helds,
        helds, a_debts, debts, a_lifetimes, lifetimes, a_due_ats)
        AS a (stays, loaded_hash, hash_now, head_hash, seq, seq_now, balance, balance_now, held, held_now, debt, debt_now,
        lifetime, lifetime_now, due_at)
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
                OR lifetimes[e.account] + e.earned IS DISTINCT FROM a_lifetimes[e.account]))), false),
        count(*)
    INTO is_wrong, total
    FROM (
        SELECT e.account, e.seq, e.balance, e.held, e.hash, row_number() OVER entries AS place,
            sum(e.points) OVER entries AS moved,
            sum(CASE WHEN e.kind IN ('earn', 'reverse_earn') THEN e.points ELSE 0 END) OVER entries AS earned
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
    IF EXISTS (
        SELECT FROM unnest(k_accounts, k_forms, k_account_ids, k_seqs) AS k (account, form, account_id, seq)
        WHERE k.form NOT IN ('repeated', 'refused', 'answered', 'together')
            OR (k.form = 'repeated' AND coalesce(is_written[k.account], true) AND NOT EXISTS (
                SELECT FROM entry WHERE entry.program_id = p_program_id AND entry.account_id = k.account_id AND entry.seq = k.seq)
                AND NOT EXISTS (
                SELECT FROM unnest(e_accounts, e_seqs) AS e (account, seq) WHERE ids[e.account] = k.account_id AND e.seq = k.seq))
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
    WHERE is_written[e.account];

    INSERT INTO lot (program_id, account_id, expires_at, available_at, remaining)
    SELECT p_program_id, ids[l.account], l.expires_at, l.available_at, l.points
    FROM unnest(l_accounts, l_expires_ats, l_available_ats, l_points) AS l (account, expires_at, available_at, points)
    WHERE l.points > 0 AND is_written[l.account]
    ON CONFLICT (program_id, account_id, expires_at, available_at)
    DO UPDATE SET remaining = lot.remaining + excluded.remaining;
    IF 0 > ANY (l_points) THEN
        SELECT count(*) INTO lots_due
        FROM unnest(l_accounts, l_points) AS l (account, points) WHERE l.points < 0 AND is_written[l.account];
        UPDATE lot SET remaining = lot.remaining + l.points
        FROM unnest(l_accounts, l_expires_ats, l_available_ats, l_points) AS l (account, expires_at, available_at, points)
        WHERE l.points < 0 AND is_written[l.account] AND lot.program_id = p_program_id AND lot.account_id = ids[l.account]
            AND lot.expires_at = l.expires_at AND lot.available_at = l.available_at;
        GET DIAGNOSTICS total = ROW_COUNT;
        IF total IS DISTINCT FROM lots_due THEN
            RAISE EXCEPTION 'points are taken from a lot that is not there' USING ERRCODE = 'LG001';
        END IF;
        -- Empty lots go, so that an account with a long life stays quick to load.
        DELETE FROM lot
        USING unnest(l_accounts, l_expires_ats, l_available_ats, l_points) AS l (account, expires_at, available_at, points)
        WHERE l.points < 0 AND is_written[l.account] AND lot.program_id = p_program_id AND lot.account_id = ids[l.account]
            AND lot.expires_at = l.expires_at AND lot.available_at = l.available_at AND lot.remaining = 0;
    END IF;
    IF 0 < ANY (a_debts) AND EXISTS (
        SELECT FROM unnest(a_account_ids, a_debts, is_written) AS a (account_id, debt, stays)
        JOIN lot ON lot.program_id = p_program_id AND lot.account_id = a.account_id
        WHERE a.debt > 0 AND a.stays AND lot.available_at <= p_now AND lot.expires_at > p_now
    ) THEN
        RAISE EXCEPTION 'a debt stands beside usable points' USING ERRCODE = 'LG001';
    END IF;

    UPDATE account SET version = account.version + 1, status = a.status, seq = a.seq, balance = a.balance, held = a.held,
        debt = a.debt, lifetime_points = a.lifetime, next_due_at = a.due_at, head_hash = a.head_hash
    FROM unnest(a_account_ids, is_written, a_statuses, a_seqs, a_balances, a_helds, a_debts, a_lifetimes, a_due_ats,
        a_head_hashes) AS a (account_id, stays, status, seq, balance, held, debt, lifetime, due_at, head_hash)
    WHERE a.stays AND account.program_id = p_program_id AND account.account_id = a.account_id;

    IF cardinality(i_accounts) > 0 THEN
        INSERT INTO identifier (program_id, identifier_id, account_id, type, digest, masked, attached_at)
        SELECT p_program_id, i.identifier_id, ids[i.account], i.type, i.digest, i.masked, p_now
        FROM unnest(i_accounts, i_identifier_ids, i_types, i_digests, i_maskeds)
            AS i (account, identifier_id, type, digest, masked)
        WHERE is_written[i.account]
        ORDER BY i.type, i.digest;
    END IF;
    IF cardinality(r_accounts) > 0 THEN
        UPDATE identifier SET revoked_at = p_now
        FROM unnest(r_accounts, r_identifier_ids) AS r (account, identifier_id)
        WHERE is_written[r.account] AND identifier.program_id = p_program_id
            AND identifier.identifier_id = r.identifier_id AND identifier.account_id = ids[r.account]
            AND identifier.revoked_at IS NULL;
    END IF;

    RETURN QUERY
    SELECT a.account_id FROM unnest(a_account_ids, is_written) AS a (account_id, stays) WHERE NOT a.stays;
END
$$;
REVOKE ALL ON FUNCTION ledger.write_batch_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_batch_v1 TO ledger_service;
