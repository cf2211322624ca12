-- earn: one posting as one statement of one transaction.
-- Takes    the account, the idempotency key with a fingerprint of the request, the points.
-- Locks    the account row, by updating it.
-- Answers  posted, or replayed with the first answer, or reused (another request under its key), or unknown (no such
--          account, or not an active one).
-- Raises   unique_violation for the same key at the same moment: whoever was second asks again, and gets a replay.
CREATE FUNCTION earn(
    p_program_id bigint, p_account_id text, p_key text, p_fingerprint text, p_points bigint, p_reason text,
    OUT status text, OUT seq bigint, OUT points bigint, OUT balance_after bigint, OUT reason text, OUT recorded_at timestamptz
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    kept entry%ROWTYPE;
BEGIN
    SELECT * INTO kept FROM entry WHERE program_id = p_program_id AND idempotency_key = p_key;
    IF FOUND THEN
        status := CASE
            WHEN kept.fingerprint = p_fingerprint AND kept.account_id = p_account_id THEN 'replayed' ELSE 'reused' END;
        seq := kept.seq;
        points := kept.points;
        balance_after := kept.balance_after;
        reason := kept.reason;
        recorded_at := kept.recorded_at;
        RETURN;
    END IF;
    recorded_at := clock_timestamp();
    UPDATE account
    SET seq = account.seq + 1, balance = balance + p_points, lifetime_points = lifetime_points + p_points,
        updated_at = clock_timestamp()
    WHERE program_id = p_program_id AND account_id = p_account_id AND account.status = 'active'
    RETURNING account.seq, balance INTO earn.seq, earn.balance_after;
    IF NOT FOUND THEN
        status := 'unknown';
        RETURN;
    END IF;
    INSERT INTO entry
    VALUES (p_program_id, p_account_id, earn.seq, 'earn', p_points, earn.balance_after, p_key, p_fingerprint, p_reason,
        earn.recorded_at);
    INSERT INTO lot VALUES (p_program_id, p_account_id, 'infinity', '-infinity', p_points)
    ON CONFLICT (program_id, account_id, expires_at, available_at)
    DO UPDATE SET remaining = lot.remaining + excluded.remaining;
    status := 'posted';
    points := p_points;
    reason := p_reason;
END
$$;
