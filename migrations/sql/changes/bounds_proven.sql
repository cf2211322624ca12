-- The constraints that 0005 declared hold for what was there before, too. Reads the tables; nobody waits for it.
ALTER TABLE ledger.account VALIDATE CONSTRAINT account_in_bounds;
ALTER TABLE ledger.entry VALIDATE CONSTRAINT entry_in_bounds;
ALTER TABLE ledger.entry VALIDATE CONSTRAINT entry_sign_fits_kind;
ALTER TABLE ledger.outcome VALIDATE CONSTRAINT outcome_says_something;
