"""Environment of the migrations: the tables in the code, and the database they are compared with.

Runs from `gis_supervision.storage.migration`, which names the database, and from the `alembic`
command line, which takes the configured one or ``-x url=postgresql+psycopg2://...``.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers

from gis_supervision import settings
from gis_supervision.storage import cluster, migration
from gis_supervision.storage.schema import METADATA

EXTENSION_TABLES = {"spatial_ref_sys", "topology", "layer"}


def include_name(name: str | None, kind: str, _: MutableMapping[str, Any]) -> bool:
    """Compare the schemas that the code's tables are in; the views of ``map`` are not tables."""
    if kind == "schema":
        return name in {table.schema for table in METADATA.tables.values()} | {None}
    return True


def include_object(item: Any, name: str | None, kind: str, *where: Any) -> bool:
    """Leave out what belongs to PostGIS; ``where`` says whether it is reflected, and its peer."""
    if kind == "table" and where == (True, None) and name in EXTENSION_TABLES:
        return False
    return bool(alembic_helpers.include_object(item, name, kind, *where))


def configured_url() -> str:
    """Return the database of ``-x url=``, else the one of the settings."""
    given = context.get_x_argument(as_dictionary=True).get("url")
    return given or cluster.ensure(settings.load()).url


def run_offline() -> None:
    """Print the statements instead of running them (``alembic upgrade head --sql``)."""
    context.configure(dialect_name="postgresql", target_metadata=METADATA, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the migrations, each in a transaction of its own, while nobody else does."""
    url = context.config.attributes.get("url")
    if url is None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        url = configured_url()
    with migration.migrating(url) as connection:
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            include_schemas=True,
            include_name=include_name,
            include_object=include_object,
            render_item=alembic_helpers.render_item,
            process_revision_directives=alembic_helpers.writer,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
