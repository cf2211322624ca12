-- outcome: what an idempotency key came to, for the life of the ledger. One table for all that a key can stand for, so
-- that one unique key makes a second outcome impossible. Program 0 holds the keys of operator calls.
--   posted    the entry (account_id, seq)
--   repeated  the same order was posted before under another key: that entry
--   refused   detail: {"code", "fields", "request_id"} of the refusal
--   answered  detail: what the caller was told (an account opened, an identifier attached)
--   together  an atomic bulk that was written: each of its commands has its own key
CREATE TABLE ledger.outcome (
    program_id bigint NOT NULL,
    seq bigint,
    idempotency_key text COLLATE "C" NOT NULL CHECK (octet_length(idempotency_key) BETWEEN 1 AND 255),
    account_id text COLLATE "C",
    form text NOT NULL CHECK (form IN ('posted', 'repeated', 'refused', 'answered', 'together')),
    -- What was asked: equal for equal requests.
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    detail json,
    PRIMARY KEY (program_id, idempotency_key),
    CONSTRAINT outcome_says_something CHECK (
        CASE form
            WHEN 'posted' THEN seq IS NOT NULL AND account_id IS NOT NULL
            WHEN 'repeated' THEN seq IS NOT NULL AND account_id IS NOT NULL
            WHEN 'together' THEN true
            ELSE detail IS NOT NULL
        END
    )
);
GRANT SELECT ON ledger.outcome TO ledger_service, ledger_read;
