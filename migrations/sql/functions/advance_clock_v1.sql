-- advance_clock_v1: move the clock of a test program forward. It stands still there until it is moved again.
-- Locks    the program row.
-- Answers  the instant at which the clock stands now; null, and nothing is changed, when that would be a move backwards,
--          when the program follows the real time, or when the instant is none (null, infinity).
CREATE FUNCTION ledger.advance_clock_v1(p_program_id bigint, p_to timestamptz) RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, ledger, pg_temp AS $$
    UPDATE program SET clock = p_to
    WHERE program_id = p_program_id AND mode = 'test' AND isfinite(p_to)
        AND coalesce(clock, clock_timestamp()) <= p_to
    RETURNING clock;
$$;
REVOKE ALL ON FUNCTION ledger.advance_clock_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.advance_clock_v1 TO ledger_service;
