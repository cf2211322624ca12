"""`ledger-service drill`: break something under load, mend it, and hold the ledger against what callers were told."""
