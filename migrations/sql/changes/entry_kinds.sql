-- entry: the kinds of the life of a point. What a kind always says is a constraint; what hangs on other rows is the gate's.
-- A capture redeems what was taken from its lots before, so it may meet a debt that came meanwhile.
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger.entry DROP CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_sign_fits_kind CHECK (
    CASE kind
        WHEN 'earn' THEN points >= 0
        WHEN 'redeem' THEN points < 0 AND (available_after >= 0 OR (detail ->> 'hold_id') IS NOT NULL)
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
    END
    AND (transfer_id IS NOT NULL) = (kind IN ('transfer_out', 'transfer_in', 'merge_out', 'merge_in'))
) NOT VALID;
