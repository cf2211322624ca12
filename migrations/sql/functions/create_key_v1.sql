-- create_key_v1: store a new API key of a program (its HMAC), together with the answer under the caller's idempotency key.
-- Raises   23505 when the idempotency key is known (outcome_pkey) or the API key is (api_key_digest_key).
CREATE FUNCTION ledger.create_key_v1(
    p_program_id bigint, p_key_id text, p_name text, p_source text, p_scopes text [], p_masked text, p_digest bytea,
    p_expires_at timestamptz, k_key text, k_fingerprint bytea, k_detail text
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
    SELECT claim_key_v1(p_program_id, k_key, k_fingerprint, k_detail) WHERE k_key IS NOT NULL;
    INSERT INTO api_key (program_id, key_id, name, source, scopes, masked, digest, expires_at)
    VALUES (p_program_id, p_key_id, p_name, p_source, p_scopes, p_masked, p_digest, p_expires_at);
$$;
REVOKE ALL ON FUNCTION ledger.create_key_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.create_key_v1 TO ledger_service;
