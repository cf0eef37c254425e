"""What alembic runs: the steps, on the connection that `schema` holds the lock with."""

from alembic import context

from katib.stores.sql.schema import VERSION_TABLE
from katib.stores.sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # The transaction is the caller's: it holds the lock, and commits all steps at once where DDL can be undone.
    transactional_ddl=False,
)
context.run_migrations()
