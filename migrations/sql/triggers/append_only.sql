-- append_only: entries, outcomes and settings are never changed, not even by their owner. ALWAYS: session_replication_role
-- does not switch it off.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.entry EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.outcome FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.outcome EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.program_version FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.program_version EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.entry ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE ledger.outcome ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.outcome ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE ledger.program_version ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.program_version ENABLE ALWAYS TRIGGER append_only_truncate;
