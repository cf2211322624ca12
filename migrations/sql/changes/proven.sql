-- The constraints that 0002 declared hold for what was there before, too. Reads the tables; nobody waits for it.
ALTER TABLE ledger.entry VALIDATE CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.entry VALIDATE CONSTRAINT entry_reverses_what_came_before;
ALTER TABLE ledger.outcome VALIDATE CONSTRAINT outcome_form_check;
