-- proposed_entry_v1: an entry of a batch. One that is the whole outcome of its key carries the fingerprint of that.
CREATE TYPE ledger.proposed_entry_v1 AS (
    account integer,
    seq bigint,
    kind text,
    points bigint,
    balance_after bigint,
    available_after bigint,
    held_after bigint,
    order_id text,
    source text,
    idempotency_key text,
    fingerprint bytea,
    reason text,
    metadata json,
    movements json,
    available_at timestamptz,
    expires_at timestamptz,
    reverses_seq bigint,
    transfer_id text,
    written_off bigint,
    occurred_at timestamptz,
    hash bytea,
    detail json
);
REVOKE ALL ON TYPE ledger.proposed_entry_v1 FROM PUBLIC;
