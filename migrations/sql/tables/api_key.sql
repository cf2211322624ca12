-- api_key: who may call. The key itself is shown once and never stored: only its HMAC under a pepper kept elsewhere.
-- The digest is unique over all programs, since it is what tells the program of a call.
CREATE TABLE ledger.api_key (
    program_id bigint NOT NULL REFERENCES ledger.program,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    key_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    -- Who posts with it (a shop chain, a partner): written on every entry, scope of order references.
    source text COLLATE "C" NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 64),
    scopes text[] NOT NULL CHECK (
        scopes <@ ARRAY['read', 'earn', 'redeem', 'adjust', 'accounts', 'admin', 'operator'] AND cardinality(scopes) > 0
    ),
    masked text NOT NULL,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    PRIMARY KEY (program_id, key_id)
);
GRANT SELECT ON ledger.api_key TO ledger_service;
