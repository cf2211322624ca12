"""Settings of a command: the environment, and what the command line says instead."""

from pydantic import ValidationError

from ledger_service.cli.console import Misused
from ledger_service.settings import Settings

SECRET_LENGTH_MIN = 32


def settings_with(**given: object) -> Settings:
    """The settings of the environment, overridden by what was given (None: not given).

    Raises Misused, naming the variable, when one is missing or makes no sense."""
    settings = settings_without_secret(**given)
    if len(settings.secret.get_secret_value()) < SECRET_LENGTH_MIN:
        raise Misused(
            f"LEDGER_SECRET needs at least {SECRET_LENGTH_MIN} characters. Make one with `openssl rand -hex 32`, keep "
            "it outside the database, and never lose it: without it no API key and no identifier can be found."
        )
    return settings


def settings_without_secret(**given: object) -> Settings:
    """The same for commands that look nobody up, so that the secret need not be where they run."""
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"LEDGER_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise Misused(f"A setting makes no sense. {wrong}.") from None
    url = settings.database_url.get_secret_value()
    if not url:
        raise Misused(
            "LEDGER_DATABASE_URL is not set: postgresql://ledger_service:PASSWORD@HOST:5432/ledger. "
            "To try the service without a database of your own: ledger-service dev."
        )
    if not url.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
        raise Misused("LEDGER_DATABASE_URL must begin with postgresql://.")
    return settings
