-- hold: points set aside for a redeem that may follow. A projection of the entries that placed and closed it.
CREATE TABLE ledger.hold (
    program_id bigint NOT NULL,
    -- The `hold` entry, in the books of origin_account_id.
    seq bigint NOT NULL CHECK (seq > 0),
    points bigint NOT NULL CHECK (points BETWEEN 1 AND 9007199254740991),
    -- What was redeemed of them; all others went back.
    captured bigint NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND points),
    -- The entry that closed it, in the books of account_id: the `redeem` of a capture, else the `release`.
    closed_seq bigint CHECK (closed_seq > 0),
    created_at timestamptz NOT NULL,
    -- The instant at which it is released by itself.
    expires_at timestamptz NOT NULL CHECK (isfinite(expires_at)),
    closed_at timestamptz,
    hold_id text COLLATE "C" NOT NULL CHECK (octet_length(hold_id) BETWEEN 1 AND 64),
    -- Whose points these are: follows a merge while it is open.
    account_id text COLLATE "C" NOT NULL,
    origin_account_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'captured', 'released', 'timed_out')),
    source text COLLATE "C" NOT NULL,
    order_id text COLLATE "C",
    -- What it took, from which lots, as entries say it.
    movements json NOT NULL,
    PRIMARY KEY (program_id, hold_id),
    CONSTRAINT hold_is_closed_by_an_entry CHECK (
        (status = 'open') = (closed_seq IS NULL) AND (closed_seq IS NULL) = (closed_at IS NULL)
    ),
    CONSTRAINT hold_captures_something CHECK ((status = 'captured') = (captured > 0))
) WITH (fillfactor = 90); -- nearly every hold is updated once
CREATE INDEX hold_open ON ledger.hold (program_id, account_id) WHERE status = 'open';
GRANT SELECT ON ledger.hold TO ledger_service, ledger_read;
