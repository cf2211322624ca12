-- entry: what is undone came before; after a merge it may stand in the books of the account that was merged, which count
-- for themselves.
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger.entry DROP CONSTRAINT entry_check;
ALTER TABLE ledger.entry ADD CONSTRAINT entry_reverses_what_came_before CHECK (
    coalesce(reverses_seq < seq OR (detail ->> 'reverses_account') <> account_id, reverses_seq IS NULL)
) NOT VALID;
