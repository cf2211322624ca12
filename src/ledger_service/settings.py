"""Settings: everything that can be set from outside, from environment variables that begin with `LEDGER_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an instance of the service is told. Each text says the unit, what grows with it, and why this default."""

    model_config = SettingsConfigDict(env_prefix="LEDGER_", extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="Postgres 16 or newer, as the role ledger_service: postgresql://ledger_service:…@host:5432/ledger. "
        "No default: the service never guesses where the books are.",
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="Pepper of the HMACs over API keys and identifiers, at least 32 characters, kept outside the "
        "database. Losing it makes every key and identifier unfindable; no default.",
    )
    host: str = Field(
        default="127.0.0.1", description="Address to listen on. The default is reachable from this machine only."
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one. One process per port."
    )
    admin_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port for /metrics, /livez, /readyz, /startupz and /docs. None: on the main port, which suits "
        "development; in production give them a port that callers cannot reach.",
    )
    lanes: int = Field(
        default=3,
        ge=1,
        le=16,
        description="Batches written at the same time by this process, each on a connection of its own. More lanes "
        "split the batches; three were faster than two or four.",
    )
    queue_size_max: int = Field(
        default=2048,
        ge=1,
        description="Commands that may wait before new ones are answered 503 `overloaded`. More hides pressure, fewer "
        "turn a short stall into errors; 2048 is about 250 ms of work at the measured rate.",
    )
    batch_size_max: int = Field(
        default=256,
        ge=1,
        le=1000,
        description="Commands in one batch. More make a slow commit carry more answers, fewer cost throughput; the "
        "gate takes at most 1,000 operations of one atomic bulk.",
    )
    readers: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Connections for reads (balances, history). Each costs a Postgres backend of about 10 MB.",
    )
    reader_wait_ms_max: int = Field(
        default=1000,
        ge=1,
        description="Milliseconds a read may wait for a connection before it is answered 503 `overloaded`.",
    )
    timeout_ms_default: int = Field(
        default=4500,
        ge=1,
        le=10000,
        description="Milliseconds until a caller that named no deadline gets an answer. Tills give up after 5 s.",
    )
    drain_seconds_max: float = Field(
        default=12.0,
        gt=0,
        description="Seconds a stopping instance waits for the requests it has. Longer than the longest deadline "
        "(10 s) plus 2 s, so that no request is ever cut.",
    )
    drain_pause_seconds: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="Seconds a stopping instance says it is not ready while it still takes requests, so that proxies "
        "look elsewhere first: longer than their check interval. 0 suits an instance without a proxy.",
    )
    key_cache_seconds: float = Field(
        default=30.0,
        ge=0,
        le=30,
        description="Seconds an API key is trusted without asking the database; a revoked key works at most this long.",
    )
    rate_limit_per_second: float | None = Field(
        default=None,
        gt=0,
        description="Requests per second that each API key may make of this process, a bulk call counted once; more "
        "are answered 429 `rate_limited`. None: no limit, since programs get fair shares of a full queue anyway.",
    )
    rate_limit_burst: int = Field(
        default=100,
        ge=1,
        description="Requests that an API key may make at once after a pause, where there is a limit. Fewer refuse a "
        "shop that opens its tills in the same second, more let a loop that went wild go on for longer.",
    )
    log_level: str = Field(default="INFO", description="The least level that is logged: DEBUG, INFO, WARNING or ERROR.")
