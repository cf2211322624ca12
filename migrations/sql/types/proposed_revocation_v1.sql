-- proposed_revocation_v1: an identifier that a batch revokes.
CREATE TYPE ledger.proposed_revocation_v1 AS (
    account integer,
    identifier_id text
);
REVOKE ALL ON TYPE ledger.proposed_revocation_v1 FROM PUBLIC;
