-- lot: the open points of an account, by their dates. A projection of the entries' movements.
CREATE TABLE ledger.lot (
    program_id bigint NOT NULL,
    -- infinity: these points never expire.
    expires_at timestamptz NOT NULL,
    -- -infinity: they could be used from the start.
    available_at timestamptz NOT NULL,
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND 9007199254740991),
    account_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (program_id, account_id, expires_at, available_at)
) WITH (fillfactor = 70);
GRANT SELECT ON ledger.lot TO ledger_service, ledger_read;
