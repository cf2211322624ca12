"""Alembic's environment: migrations run as ledger_owner, one at a time, over asyncpg."""

from alembic import context

OPTIONS = {
    "version_table": "schema_version",
    "version_table_schema": "ledger",
    # What one revision locks is free before the next reads large tables.
    "transaction_per_migration": True,
}


def offline() -> None:
    context.configure(dialect_name="postgresql", literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def online() -> None:
    context.configure(connection=context.config.attributes["connection"], **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
