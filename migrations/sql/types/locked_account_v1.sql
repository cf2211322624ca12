-- locked_account_v1: an account as the gate finds and locks it, with the place of its row, which stays while it is locked.
CREATE TYPE ledger.locked_account_v1 AS (
    place tid,
    account_id text,
    version bigint,
    status text,
    seq bigint,
    balance bigint,
    held bigint,
    debt bigint,
    lifetime_points bigint,
    head_hash bytea,
    merged_into text
);
REVOKE ALL ON TYPE ledger.locked_account_v1 FROM PUBLIC;
