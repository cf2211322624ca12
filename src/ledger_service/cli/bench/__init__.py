"""`ledger-service bench`: the service beside the usual way, on one Postgres, in the same minutes."""
