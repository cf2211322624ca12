-- proposed_outcome_v1: what a key came to, unless one entry says that. Account 0: one that is not in the books.
CREATE TYPE ledger.proposed_outcome_v1 AS (
    account integer,
    idempotency_key text,
    fingerprint bytea,
    form text,
    account_id text,
    seq bigint,
    detail json
);
REVOKE ALL ON TYPE ledger.proposed_outcome_v1 FROM PUBLIC;
