-- proposed_identifier_v1: an identifier that a batch attaches.
CREATE TYPE ledger.proposed_identifier_v1 AS (
    account integer,
    identifier_id text,
    type text,
    digest bytea,
    masked text
);
REVOKE ALL ON TYPE ledger.proposed_identifier_v1 FROM PUBLIC;
