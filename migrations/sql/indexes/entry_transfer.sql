-- The two entries of a transfer or merge: no third can ever bear its id.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS entry_transfer ON ledger.entry (program_id, transfer_id, kind)
WHERE transfer_id IS NOT NULL;
