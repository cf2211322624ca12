-- The roles of the books. Cluster-wide, so created only where they are missing.
--   ledger_owner    owns schema and functions; migrations run as it; nobody logs in as it
--   ledger_service  the service: EXECUTE on the gate and its like, SELECT; no INSERT, UPDATE, DELETE, TRUNCATE anywhere
--   ledger_read     reports and audits: SELECT only
-- Passwords and LOGIN are the operator's to give: ALTER ROLE ledger_service LOGIN PASSWORD '…'.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['ledger_owner', 'ledger_service', 'ledger_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was migrated at the same moment
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role(current_user, 'ledger_owner', 'SET') THEN
        EXECUTE format('GRANT ledger_owner TO %I', current_user);
    END IF;
END
$$;
CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION ledger_owner;
GRANT USAGE ON SCHEMA ledger TO ledger_service, ledger_read;
