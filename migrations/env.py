"""Alembic's environment: migrations run as ledger_owner, one at a time, over asyncpg."""

from alembic import context

VERSION_TABLE = {"version_table": "schema_version", "version_table_schema": "ledger"}


def offline() -> None:
    context.configure(dialect_name="postgresql", literal_binds=True, **VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


def online() -> None:
    context.configure(connection=context.config.attributes["connection"], **VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
