-- write_batch_v3: the only way into the books. One batch of one program in one transaction.
-- Takes    what the core proposes, as rows. Accounts: sorted by account_id. Entries and lots: in the order of their
--          accounts, which they name by the place in that list (1, 2, …), the entries of an account by seq. Lots: the net
--          change of each. Outcomes: all but the posted ones, which the entries themselves carry, so that no outcome can
--          name an entry that is not there; the entries of a `several` outcome carry its key, and no fingerprint.
--          p_more: null for most batches, else lists of what few of them do: holds_placed, holds_moved, holds_closed
--          (write_holds_v2), identifiers_moved (move_identifiers_v2), days.
-- Locks    new account rows in account_id order, then the existing ones in account_id order; every writer does.
-- Checks   every row is of an account; the clock is ours; versions as loaded; chain continued; seq = previous + 1;
--          balance_after = previous + points; held_after follows; lots, held and debt add up to the balance; lifetime
--          points add up; lots change as the entries say, none below 0; a debt only by taking back, adjusting or merging,
--          and never beside usable points; never more taken back than there was; a transfer or merge is two entries that
--          come to nothing; an account is merged by a merge and comes back by one, and has nothing in between; held points
--          are those of the open holds. Signs and floors are constraints of the tables.
--          It does not know the earning rules, nor does it compute hashes: `ledger-service verify` does.
-- Answers  the account_ids in conflict, with all of their groups: nothing of theirs is written, everything else is.
--          All of them when the program's settings moved on; the empty name stands for keys without accounts.
-- Raises   LG001 when the proposal breaks an invariant, 22003 when a sum leaves the bigints, 23514 when a row breaks a
--          constraint. That is a bug in the core (or a lie), so nothing at all is written. 23505 when another writer took
--          a key, an order or an identifier meanwhile.
-- Costs    opening a statement costs as much as ten rows: what most batches do not need stands behind an IF, and what is
--          only compared is compared in a loop.
CREATE FUNCTION ledger.write_batch_v3(
    p_program_id bigint, p_rule_version integer, p_now timestamptz,
    p_accounts ledger.proposed_account_v1 [], p_entries ledger.proposed_entry_v1 [], p_lots ledger.proposed_lot_v1 [],
    p_outcomes ledger.proposed_outcome_v1 [], p_attachments ledger.proposed_identifier_v1 [],
    p_revocations ledger.proposed_revocation_v1 [], p_more json
) RETURNS text []
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger, pg_temp
-- Plans are kept from the first calls, when the tables may be empty: make sure that they are the plans of large ones.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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
REVOKE ALL ON FUNCTION ledger.write_batch_v3 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_batch_v3 TO ledger_service;
