-- put_program_v1: the next version of a program's settings, if the caller knows the present one.
-- Locks    the program row.
-- Answers  the new version; null when the present one is not the expected one.
CREATE FUNCTION ledger.put_program_v1(p_program_id bigint, p_expected_version integer, p_settings text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
DECLARE
    new_version integer;
BEGIN
    UPDATE program SET version = version + 1
    WHERE program_id = p_program_id AND version = p_expected_version
    RETURNING version INTO new_version;
    IF FOUND THEN
        INSERT INTO program_version (program_id, version, settings)
        VALUES (p_program_id, new_version, p_settings::json);
    END IF;
    RETURN new_version;
END
$$;
REVOKE ALL ON FUNCTION ledger.put_program_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.put_program_v1 TO ledger_service;
