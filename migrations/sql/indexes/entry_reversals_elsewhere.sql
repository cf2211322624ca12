-- What the survivor of a merge undid of the entries of the account that was merged into it. They are few, and looked
-- through: a query that named reverses_seq as it is could be planned on entry_reversals, and read all of a program there.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS entry_reversals_elsewhere
ON ledger.entry (program_id, (detail ->> 'reverses_account')) WHERE (detail ->> 'reverses_account') IS NOT NULL;
