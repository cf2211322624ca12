-- squawk-ignore-file ban-drop-constraint
-- outcome: the same bounds in fewer words, as for account.
ALTER TABLE ledger.outcome DROP CONSTRAINT outcome_idempotency_key_check, DROP CONSTRAINT outcome_form_check,
DROP CONSTRAINT outcome_fingerprint_check, DROP CONSTRAINT outcome_says_something;
ALTER TABLE ledger.outcome ADD CONSTRAINT outcome_says_something CHECK (
    octet_length(idempotency_key) BETWEEN 1 AND 255
    AND octet_length(fingerprint) = 16
    AND CASE
        WHEN form = ANY('{posted,repeated}') THEN seq IS NOT NULL AND account_id IS NOT NULL
        WHEN form = ANY('{several,refused,answered}') THEN detail IS NOT NULL
        ELSE form = 'together'
    END
) NOT VALID;
