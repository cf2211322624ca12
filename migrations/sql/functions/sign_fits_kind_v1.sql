-- sign_fits_kind_v1: what a kind of entry always says of its points, for all kinds but `earn` and `redeem`, of which the
-- constraint entry_sign_fits_kind says so itself.
-- Answers  false for a kind that there is not.
CREATE FUNCTION ledger.sign_fits_kind_v1(
    kind text, points bigint, available_after bigint, reverses_seq bigint, transfer_id text, detail json
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, ledger, pg_temp
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
REVOKE ALL ON FUNCTION ledger.sign_fits_kind_v1 FROM PUBLIC;
