"""Fixtures of the whole suite: a private cluster, its migrated database, and what tests leave."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis_supervision.settings import ENV_PREFIX, Settings
from gis_supervision.storage import cluster as private_cluster
from gis_supervision.storage import database, migration, server
from gis_supervision.storage.cluster import Endpoint

TEMPLATE = "gis_supervision_template_test"
DATABASE = "gis_supervision_test"


@pytest.fixture(scope="session", autouse=True)
def bare_environment() -> Iterator[None]:
    """No setting of the person who runs the tests reaches them, nor any of libpq's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith((ENV_PREFIX, "PG")):
                patch.delenv(name)
        yield


def new_home() -> Path:
    """A home that the cluster's account reaches, unlike pytest's own directories."""
    home = Path(tempfile.mkdtemp(prefix="gis-supervision-test-"))
    home.chmod(0o711)
    return home


@pytest.fixture(scope="session")
def cluster_home() -> Iterator[Callable[[], Path]]:
    """Make homes for private clusters of one's own; they are stopped and taken away at the end."""
    made: list[Path] = []

    def make() -> Path:
        made.append(new_home())
        return made[-1]

    yield make
    for home in made:
        private_cluster.stop(Settings(home=home))
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def cluster_settings() -> Iterator[Settings]:
    """Settings of the session's private cluster."""
    home = new_home()
    yield Settings(home=home)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def cluster(cluster_settings: Settings) -> Iterator[Endpoint]:
    """The session's private cluster, running; with xdist each worker has its own."""
    endpoint = private_cluster.ensure(cluster_settings)
    with closing(server.connect(endpoint.url)) as connection, connection.cursor() as cursor:
        # a test's kill leaves the operating system alive, which keeps what was written
        cursor.execute("ALTER SYSTEM SET fsync = off")
        cursor.execute("SELECT pg_reload_conf()")
    yield endpoint
    private_cluster.stop(cluster_settings)


def create(cluster: Endpoint, name: str, template: str = "template0") -> Endpoint:
    """Make a database; only a name that ends in ``_test`` may be made or dropped."""
    if not name.endswith("_test"):
        raise ValueError(f"database {name}: a test's database ends in _test")
    with closing(server.connect(cluster.url)) as connection, connection.cursor() as cursor:
        server.create_database(cursor, name, template)
    url, reader_url = (
        server.make_url(address).set(database=name).render_as_string(hide_password=False)
        for address in (cluster.url, cluster.reader_url)
    )
    return Endpoint(url, reader_url, private=True)


def drop(cluster: Endpoint, name: str) -> None:
    """Take a test's database away, whoever is connected."""
    if not name.endswith("_test"):
        raise ValueError(f"database {name}: a test's database ends in _test")
    with closing(server.connect(cluster.url)) as connection, connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def template(cluster: Endpoint) -> str:
    """Name of a migrated, empty database to copy; nobody stays connected to it."""
    endpoint = create(cluster, TEMPLATE)
    with closing(server.connect(endpoint.url)) as connection, connection.cursor() as cursor:
        server.prepare_database(cursor)
    migration.upgrade(endpoint.url)
    return TEMPLATE


@pytest.fixture(scope="session")
def migrated(cluster: Endpoint, template: str) -> Endpoint:
    """The database that rolled-back tests share; nothing in it is ever committed."""
    return create(cluster, DATABASE, template)


@pytest.fixture(scope="session")
def database_url(migrated: Endpoint) -> str:
    """URL of the shared, migrated database, with the owner's login."""
    return migrated.url


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Engine of the shared, migrated database."""
    engine = database.engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints: everything is rolled back after the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()


@pytest.fixture
def fresh_database(cluster: Endpoint, template: str) -> Iterator[Callable[[], Endpoint]]:
    """Make databases of one's own, migrated and empty, for tests that have to commit."""
    numbers = itertools.count(1)
    made: list[str] = []

    def make() -> Endpoint:
        name = f"gis_supervision_{os.getpid()}_{next(numbers)}_test"
        made.append(name)
        return create(cluster, name, template)

    yield make
    for name in made:
        drop(cluster, name)
