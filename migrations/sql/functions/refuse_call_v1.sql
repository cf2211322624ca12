-- refuse_call_v1: keep the refusal of a configuration call under its idempotency key, as the gate keeps those of commands.
-- Raises   23505 when the key is known: the caller reads what it stands for.
CREATE FUNCTION ledger.refuse_call_v1(p_program_id bigint, k_key text, k_fingerprint bytea, k_detail text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
    INSERT INTO outcome (program_id, idempotency_key, fingerprint, form, detail)
    VALUES (p_program_id, k_key, k_fingerprint, 'refused', k_detail::json);
$$;
REVOKE ALL ON FUNCTION ledger.refuse_call_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.refuse_call_v1 TO ledger_service;
