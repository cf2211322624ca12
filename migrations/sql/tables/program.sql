-- program: a loyalty program, the tenant. Every other key begins with its program_id.
CREATE TABLE ledger.program (
    program_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text COLLATE "C" NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,40}$'),
    mode text NOT NULL CHECK (mode IN ('live', 'test')),
    -- The version of its settings that decides now.
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    -- A test program's own clock: it stands still at this instant. Null: the database's clock.
    clock timestamptz CHECK (clock IS NULL OR mode = 'test'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON ledger.program TO ledger_service, ledger_read;
