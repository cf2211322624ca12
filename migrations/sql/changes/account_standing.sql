-- account: what it reached beside its points (spend, visits, tier), as JSON. Null: nothing yet.
ALTER TABLE ledger.account ADD COLUMN standing json;
