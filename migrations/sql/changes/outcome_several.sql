-- outcome: one more form.
--   several   the entries that detail names, {"entries": [[account_id, seq], …]}; possibly none
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger.outcome DROP CONSTRAINT outcome_form_check;
ALTER TABLE ledger.outcome ADD CONSTRAINT outcome_form_check CHECK (
    form IN ('posted', 'several', 'repeated', 'refused', 'answered', 'together')
) NOT VALID;
