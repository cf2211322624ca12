-- squawk-ignore-file ban-drop-constraint
-- entry: the same bounds in fewer words, as for account.
-- Of the kinds only the two are said here that nearly all entries have: a call costs more than a look.
ALTER TABLE ledger.entry DROP CONSTRAINT entry_seq_check, DROP CONSTRAINT entry_points_check,
DROP CONSTRAINT entry_balance_after_check, DROP CONSTRAINT entry_held_after_check, DROP CONSTRAINT entry_written_off_check,
DROP CONSTRAINT entry_hash_check, DROP CONSTRAINT entry_parts_add_up, DROP CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_in_bounds CHECK (
    greatest(abs(points), abs(balance_after)) <= 9007199254740991
    -- The last is what is pending.
    AND least(seq - 1, held_after, written_off, balance_after - available_after - held_after) >= 0
    AND octet_length(hash) = 32
) NOT VALID;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_sign_fits_kind CHECK (
    CASE kind
        WHEN 'earn' THEN points >= 0 AND transfer_id IS NULL
        -- A capture redeems what was taken from its lots before, so it may meet a debt that came meanwhile.
        WHEN 'redeem' THEN points < 0 AND transfer_id IS NULL
            AND (available_after >= 0 OR (detail ->> 'hold_id') IS NOT NULL)
        ELSE ledger.sign_fits_kind_v1(kind, points, available_after, reverses_seq, transfer_id, detail)
    END
) NOT VALID;
