-- proposed_lot_v1: the net change of a lot in a batch, never 0.
CREATE TYPE ledger.proposed_lot_v1 AS (
    account integer,
    expires_at timestamptz,
    available_at timestamptz,
    points bigint
);
REVOKE ALL ON TYPE ledger.proposed_lot_v1 FROM PUBLIC;
