-- refuse_change: what the append-only tables answer to UPDATE, DELETE and TRUNCATE, whoever asks.
-- Raises   LG002.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'LG002';
END
$$;
REVOKE ALL ON FUNCTION ledger.refuse_change() FROM PUBLIC;
