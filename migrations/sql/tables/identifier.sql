-- identifier: a card, phone, e-mail or external id that finds an account. The value itself is not here: only a keyed
-- HMAC and a masked form. A revoked identifier stays as a fact and may be attached anew.
CREATE TABLE ledger.identifier (
    program_id bigint NOT NULL,
    attached_at timestamptz NOT NULL,
    revoked_at timestamptz,
    identifier_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    type text NOT NULL CHECK (type IN ('card', 'phone', 'email', 'external')),
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    masked text NOT NULL,
    PRIMARY KEY (program_id, identifier_id),
    FOREIGN KEY (program_id, account_id) REFERENCES ledger.account
);
CREATE UNIQUE INDEX identifier_in_use ON ledger.identifier (program_id, type, digest) WHERE revoked_at IS NULL;
-- No account_id is empty: a condition that keeps this index to the queries that state it (see entry_feed).
CREATE INDEX identifier_of_account ON ledger.identifier (program_id, account_id) WHERE account_id > '';
GRANT SELECT ON ledger.identifier TO ledger_service, ledger_read;
