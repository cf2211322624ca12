"""Metrics: every series the service exports, declared once. Label sets are closed: no account, key or id is a label."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUEST_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "How long a request took, from its first byte to the last of the answer.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=SECONDS,
)
ACTIVE_REQUESTS = Gauge("http_server_active_requests", "Requests being answered now.")

# Kinds are the entry kinds; results are posted, repeated, refused, replayed, failed.
ENTRIES = Counter(
    "ledger_entries", "Commands by the kind of entry they ask for and what they came to.", ["kind", "result"]
)
POINTS = Counter("ledger_points", "Points moved, without sign.", ["kind"])
REFUSALS = Counter("ledger_redeem_rejections", "Redeems that the books refused, by code.", ["code"])
REPLAYS = Counter("ledger_idempotent_replays", "Answers given again, found by key or by order reference.", ["match"])
INVARIANT_VIOLATIONS = Counter(
    "ledger_invariant_violations", "Broken invariants, by who found them: gate or verify. Must stay 0.", ["check"]
)

BATCH_SIZE = Histogram(
    "ledger_batch_size", "Commands in a batch.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
)
# Phases are a closed set: queue, load, fold, gate.
BATCH_PHASE = Histogram("ledger_batch_phase_seconds", "How long a batch was in each phase.", ["phase"], buckets=SECONDS)
BATCH_CONFLICTS = Counter("ledger_batch_conflicts", "Accounts that another instance wrote between load and write.")
BATCH_SPLITS = Counter("ledger_batch_splits", "Batches halved after a failure, to find the command that causes it.")
COMMIT_UNKNOWN = Counter("ledger_commit_unknown", "Batches whose outcome was unknown after a lost connection.")
QUEUE_LENGTH = Gauge("ledger_queue_length", "Commands waiting for a lane.")
QUEUE_WAIT_ESTIMATE = Gauge(
    "ledger_queue_wait_estimate_seconds",
    "How long the least urgent command of the program that was just carried would wait for a lane if it came now.",
)
CONCURRENCY_LIMIT = Gauge(
    "ledger_concurrency_limit",
    "Commands that should be on their way at most while more come than are carried: told to the proxy then.",
)
# Classes are those of posting/priority.py and storage/urgency.py, and: write (whichever it was), call (not known yet).
SHED = Counter("ledger_shed", "Requests refused to protect the others.", ["reason", "class"])

DUE_ACCOUNTS = Gauge(
    "ledger_due_accounts",
    "Accounts with due work (expiry, hold time-outs, tiers) that nobody did yet, by the last look.",
)
DUE_OLDEST_AGE = Gauge("ledger_due_oldest_age_seconds", "How long the longest overdue work has been due, at that look.")
# Results are settled, failed.
SETTLED = Counter("ledger_swept_accounts", "Accounts whose due work a sweep did, or could not do.", ["result"])

POOL_SIZE = Gauge("ledger_db_pool_size", "Connections in the pool.", ["pool"])
POOL_IN_USE = Gauge("ledger_db_pool_in_use", "Connections in use.", ["pool"])
POOL_WAIT = Histogram("ledger_db_pool_wait_seconds", "Waiting for a connection.", ["pool"], buckets=SECONDS)
DB_ERRORS = Counter("ledger_db_errors", "Errors answered by the database.", ["sqlstate", "action"])
DB_TIMELINE = Gauge("ledger_db_timeline", "Timeline of the primary: one more with each promotion.")
DB_PRIMARY_CHANGES = Counter("ledger_db_primary_changes", "Times another server was found to be the primary.")
COMMIT_BARRIER = Histogram(
    "ledger_commit_barrier_seconds", "Waiting until what a replay answers is surely replicated.", buckets=SECONDS
)
SYNCREP_CANCELLED = Counter(
    "ledger_syncrep_cancelled", "Commits that stopped waiting for their standby. Must stay 0: somebody cancels them."
)
BREAKER_OPEN = Gauge("ledger_db_breaker_open", "1 while commands are refused at once because there is no database.")
DB_RETRIES = Counter("ledger_db_retries", "Batches tried again.", ["reason"])
EVENT_LOOP_LAG = Gauge("ledger_event_loop_lag_seconds", "How late the event loop wakes up.")
BUILD_INFO = Gauge("ledger_build_info", "1, labelled with the version that runs.", ["version"])
