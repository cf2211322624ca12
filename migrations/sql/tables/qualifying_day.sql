-- qualifying_day: what one local day of an account counts towards its tier: earned less taken back. A projection of the
-- entries, in programs with tiers. Taking back lowers the day of what is taken back, so a day may come to nothing; it stays.
CREATE TABLE ledger.qualifying_day (
    program_id bigint NOT NULL,
    points bigint NOT NULL CHECK (points BETWEEN -9007199254740991 AND 9007199254740991),
    day date NOT NULL,
    visits integer NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    -- In currency units.
    spend numeric NOT NULL,
    PRIMARY KEY (program_id, account_id, day)
) WITH (fillfactor = 70);
GRANT SELECT ON ledger.qualifying_day TO ledger_service, ledger_read;
