-- program_version: every settings document a program ever had. Never overwritten: entries name the version that decided.
CREATE TABLE ledger.program_version (
    program_id bigint NOT NULL REFERENCES ledger.program,
    version integer NOT NULL CHECK (version > 0),
    settings json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (program_id, version)
);
GRANT SELECT ON ledger.program_version TO ledger_service, ledger_read;
