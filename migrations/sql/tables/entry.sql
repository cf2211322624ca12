-- entry: the books. Append-only by grants and by triggers; everything else about points is a projection of it.
CREATE TABLE ledger.entry (
    program_id bigint NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    points bigint NOT NULL CHECK (points BETWEEN -9007199254740991 AND 9007199254740991),
    balance_after bigint NOT NULL CHECK (balance_after BETWEEN -9007199254740991 AND 9007199254740991),
    available_after bigint NOT NULL,
    held_after bigint NOT NULL CHECK (held_after >= 0),
    written_off bigint NOT NULL CHECK (written_off >= 0),
    reverses_seq bigint CHECK (reverses_seq < seq),
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    available_at timestamptz,
    expires_at timestamptz,
    -- The transaction that wrote it: the feed reads below the oldest running one and so never skips an entry.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    rule_version integer NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    source text COLLATE "C" NOT NULL,
    order_id text COLLATE "C",
    idempotency_key text COLLATE "C",
    transfer_id text COLLATE "C",
    reason text,
    -- JSON texts exactly as they were hashed.
    metadata json NOT NULL,
    movements json NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (program_id, account_id, seq),
    CONSTRAINT entry_parts_add_up CHECK (balance_after - available_after - held_after >= 0),
    CONSTRAINT entry_sign_fits_kind CHECK (
        CASE kind
            WHEN 'earn' THEN points >= 0
            WHEN 'redeem' THEN points < 0 AND available_after >= 0
            WHEN 'expire' THEN points < 0
            WHEN 'reverse_earn' THEN points <= 0 AND reverses_seq IS NOT NULL
            WHEN 'reverse_redeem' THEN points > 0 AND reverses_seq IS NOT NULL
            WHEN 'adjust' THEN points <> 0
            ELSE false
        END
    )
);
-- An order is earned once and redeemed once per source.
CREATE UNIQUE INDEX entry_order ON ledger.entry (program_id, source, kind, order_id)
WHERE order_id IS NOT NULL AND kind IN ('earn', 'redeem');
CREATE INDEX entry_reversals ON ledger.entry (program_id, account_id, reverses_seq) WHERE reverses_seq IS NOT NULL;
-- Every xid is above 0. The condition keeps the index to the queries that state it: while the table is small or without
-- statistics all indexes that begin with program_id look alike, and a plan that was kept from then would read all of this one.
CREATE INDEX entry_feed ON ledger.entry (program_id, xid, account_id, seq) WHERE xid > '0';
GRANT SELECT ON ledger.entry TO ledger_service, ledger_read;
