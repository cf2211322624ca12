"""The yardstick: a points ledger written the usual way, with a SQLAlchemy session for each request."""
