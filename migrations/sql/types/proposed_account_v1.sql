-- proposed_account_v1: an account of a batch, as it was loaded and as it shall be. Its place in their list is its name in
-- the other lists.
CREATE TYPE ledger.proposed_account_v1 AS (
    account_id text,
    -- As loaded: 0 for one that is not in the books yet. Accounts of one group are written together or not at all.
    version bigint,
    group_number integer,
    loaded_hash bytea,
    -- As it shall be. Metadata only of a new one.
    status text,
    seq bigint,
    balance bigint,
    held bigint,
    debt bigint,
    lifetime_points bigint,
    next_due_at timestamptz,
    head_hash bytea,
    merged_into text,
    metadata json,
    standing json
);
REVOKE ALL ON TYPE ledger.proposed_account_v1 FROM PUBLIC;
