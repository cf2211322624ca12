-- revoke_key_v1: end an API key now. Instances stop taking it within the time they trust their cache.
-- Answers  whether there was such a key; revoking twice is once.
CREATE FUNCTION ledger.revoke_key_v1(p_program_id bigint, p_key_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
BEGIN
    UPDATE api_key SET revoked_at = coalesce(revoked_at, clock_timestamp())
    WHERE program_id = p_program_id AND key_id = p_key_id;
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION ledger.revoke_key_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.revoke_key_v1 TO ledger_service;
