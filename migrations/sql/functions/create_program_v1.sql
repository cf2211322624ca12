-- create_program_v1: a new program with its first settings and its first API key, and the answer under the operator's
-- idempotency key (kept for program 0: all operator calls).
-- Answers  its program_id.
-- Raises   23505 when the slug is taken (program_slug_key), or the idempotency key known (outcome_pkey).
CREATE FUNCTION ledger.create_program_v1(
    p_slug text, p_mode text, p_clock timestamptz, p_settings text, p_key_id text, p_key_name text, p_source text,
    p_scopes text [], p_masked text, p_digest bytea, k_key text, k_fingerprint bytea, k_detail text
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
DECLARE
    new_id bigint;
BEGIN
    IF k_key IS NOT NULL THEN
        PERFORM claim_key_v1(0, k_key, k_fingerprint, k_detail);
    END IF;
    INSERT INTO program (slug, mode, clock)
    -- A test program's clock stands still until it is moved.
    VALUES (p_slug, p_mode, CASE WHEN p_mode = 'test' THEN coalesce(p_clock, clock_timestamp()) END)
    RETURNING program_id INTO new_id;
    INSERT INTO program_version (program_id, version, settings) VALUES (new_id, 1, p_settings::json);
    PERFORM create_key_v1(new_id, p_key_id, p_key_name, p_source, p_scopes, p_masked, p_digest, NULL, NULL, NULL, NULL);
    RETURN new_id;
END
$$;
REVOKE ALL ON FUNCTION ledger.create_program_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.create_program_v1 TO ledger_service;
