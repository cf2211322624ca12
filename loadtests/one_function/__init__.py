"""The other yardstick: one SQL function for each request, behind an ordinary FastAPI route, and called by pgbench."""
