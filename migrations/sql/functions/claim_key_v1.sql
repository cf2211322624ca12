-- claim_key_v1: store what the idempotency key of a configuration call came to. Part of the functions that change
-- configuration; nobody calls it directly.
-- Raises   23505 when the key is known: the caller reads what it stands for.
CREATE FUNCTION ledger.claim_key_v1(p_program_id bigint, p_key text, p_fingerprint bytea, p_detail text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, ledger, pg_temp AS $$
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, detail)
    VALUES (p_program_id, p_key, p_fingerprint, 'answered', p_detail::json);
$$;
REVOKE ALL ON FUNCTION ledger.claim_key_v1 FROM PUBLIC;
