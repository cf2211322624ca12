"""How hard the laws are tried: LEDGER_EXAMPLES examples of each, 500 unless the environment says otherwise."""

import os

from hypothesis import HealthCheck, settings

# Registered, not loaded: each law asks for it by name, and other tests keep their own.
# No deadline: the machine may be busy, and no test of ours asserts a wall-clock time.
settings.register_profile(
    "books",
    max_examples=int(os.environ.get("LEDGER_EXAMPLES", "500")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
