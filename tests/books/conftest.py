"""How hard the laws are tried: 500 examples of each, the same in every run, so that what passed on a desk passes
elsewhere; LEDGER_EXAMPLES=20000, say, for a night of new ones."""

import os

from hypothesis import HealthCheck, settings

# Registered, not loaded: each law asks for it by name, and other tests keep their own.
# No deadline: the machine may be busy, and no test of ours asserts a wall-clock time.
settings.register_profile(
    "books",
    max_examples=int(os.environ.get("LEDGER_EXAMPLES", "500")),
    deadline=None,
    derandomize="LEDGER_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
