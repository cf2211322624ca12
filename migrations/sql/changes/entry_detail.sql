-- entry: what else it says, by its kind: JSON text exactly as it was hashed. Null: nothing, as in all entries so far.
ALTER TABLE ledger.entry ADD COLUMN detail json;
