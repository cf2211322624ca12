-- Accounts, their entries, and their lots. The idempotency key stands on the entry, so it costs an index, not a table.
CREATE TABLE account (
    program_id bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    seq bigint NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0),
    lifetime_points bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (program_id, account_id)
) WITH (fillfactor = 70);  -- room on the page, so that updates need no new index entries

CREATE TABLE entry (
    program_id bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    points bigint NOT NULL,
    balance_after bigint NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    fingerprint text NOT NULL,
    reason text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (program_id, account_id, seq)
);
CREATE UNIQUE INDEX entry_key ON entry (program_id, idempotency_key);

CREATE TABLE lot (
    program_id bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    remaining bigint NOT NULL CHECK (remaining >= 0),
    PRIMARY KEY (program_id, account_id, expires_at, available_at)
) WITH (fillfactor = 70);
