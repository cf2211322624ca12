"""Running the SQL files of a revision: one database object per file, the file named as the object."""

from pathlib import Path

from alembic import context, op
from sqlalchemy import text

FOLDER = Path(__file__).parent / "sql"


def run_sql(name: str) -> None:
    """Run one file of `migrations/sql`, all its statements, in the revision's transaction."""
    sql = (FOLDER / name).read_text()
    if context.is_offline_mode():
        op.execute(text(sql.replace(":", r"\:")))
        return
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # opens the transaction: the driver's own call below would not
    connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(sql))
