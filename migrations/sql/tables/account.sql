-- account: one member's books in short. A projection of the entries, kept by the gate; `verify` rebuilds it.
CREATE TABLE ledger.account (
    program_id bigint NOT NULL REFERENCES ledger.program,
    -- Grows with every write of the row: what was decided on an older version is void.
    version bigint NOT NULL CHECK (version >= 0),
    seq bigint NOT NULL CHECK (seq >= 0),
    balance bigint NOT NULL CHECK (balance BETWEEN -9007199254740991 AND 9007199254740991),
    held bigint NOT NULL CHECK (held BETWEEN 0 AND 9007199254740991),
    debt bigint NOT NULL CHECK (debt BETWEEN 0 AND 9007199254740991),
    lifetime_points bigint NOT NULL CHECK (lifetime_points BETWEEN -9007199254740991 AND 9007199254740991),
    -- The next instant at which a lot expires: what a sweep looks for.
    next_due_at timestamptz,
    created_at timestamptz NOT NULL,
    account_id text COLLATE "C" NOT NULL CHECK (octet_length(account_id) BETWEEN 1 AND 64),
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'closed', 'merged')),
    merged_into text COLLATE "C",
    -- SHA-256 of the last entry; 32 zero bytes before the first.
    head_hash bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    metadata json NOT NULL,
    PRIMARY KEY (program_id, account_id)
) WITH (fillfactor = 70); -- room on the page, so that the updates of a posting stay HOT
CREATE INDEX account_due ON ledger.account (program_id, next_due_at) WHERE next_due_at IS NOT NULL;
GRANT SELECT ON ledger.account TO ledger_service, ledger_read;
