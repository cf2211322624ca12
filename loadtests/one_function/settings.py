"""What it is told, by environment variables that begin with `ONE_FUNCTION_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where its database is, who may call, and how many connections it has."""

    model_config = SettingsConfigDict(env_prefix="ONE_FUNCTION_", frozen=True)

    database_url: SecretStr = Field(description="postgresql://…: a database of its own.")
    api_key: SecretStr = Field(description="The one key that callers need.")
    pool_size: int = Field(
        default=20,
        ge=1,
        description="Connections to Postgres. More let more sessions wait for the same disk and cores; 20 is several "
        "for each core of a small machine.",
    )
