"""What a PostgreSQL server must offer, whoever runs it: database, extensions, roles."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection, cursor
from sqlalchemy import URL, make_url

from gis_supervision.errors import UnavailableError
from gis_supervision.messages import Message, Parts, joined

OWNER = "gis_supervision"
"""Role that owns the private database."""

READER = "gis_supervision_reader"
"""Role that may read schema ``map`` and nothing else."""

OLDEST_POSTGIS = (3, 1)

_EXTENSIONS = {"postgis": "postgresql-{major}-postgis-3", "btree_gist": "postgresql-contrib"}


@dataclass(frozen=True)
class Lack:
    """Something missing on a server, with what an administrator has to run."""

    what: Message
    remedy: Message

    @property
    def message(self) -> Parts:
        """Both in one line."""
        return joined((self.what, self.remedy), "; ")


def connect(url: str | URL, database: str | None = None) -> connection:
    """Open a connection outside of any pool, in autocommit mode.

    Parameters
    ----------
    url
        URL of SQLAlchemy's form.
    database
        Another database of the same server.

    Returns
    -------
    psycopg2.extensions.connection

    Raises
    ------
    UnavailableError
        The server does not answer, or refuses the login or the database.
    """
    address = make_url(url)
    if database is not None:
        address = address.set(database=database)
    try:
        session: connection = psycopg2.connect(**keywords(address))
    except psycopg2.OperationalError as error:
        raise UnavailableError.told(_refusal(address, str(error).strip())) from None
    session.autocommit = True
    return session


def keywords(url: str | URL) -> dict[str, Any]:
    """Return the driver's connection parameters for a URL of SQLAlchemy's form."""
    address = make_url(url)
    parameters: dict[str, Any] = {
        "host": address.host,
        "port": address.port,
        "user": address.username,
        "password": address.password,
        "dbname": address.database,
        "connect_timeout": 10,
        "application_name": "gis-supervision",
    }
    parameters |= {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in address.query.items()
    }
    return {name: value for name, value in parameters.items() if value is not None}


def shown(url: str | URL) -> str:
    """Return a URL without its password, for messages."""
    return make_url(url).render_as_string(hide_password=True)


def prepare_private(url: str | URL) -> None:
    """Make what is missing on a server of our own: the reader, the database, its extensions.

    Parameters
    ----------
    url
        The database to be, with the login of the server's superuser.

    Raises
    ------
    UnavailableError
        The server does not answer.
    """
    address = make_url(url)
    database = str(address.database)
    session = connect(address, "postgres")
    try:
        with session.cursor() as cur:
            if not _exists(cur, "pg_roles", "rolname", READER):
                cur.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(READER)))
            if not _exists(cur, "pg_database", "datname", database):
                create_database(cur, database)
    finally:
        session.close()
    session = connect(address)
    try:
        with session.cursor() as cur:
            prepare_database(cur)
    finally:
        session.close()


def create_database(
    cur: cursor, database: str, template: str = "template0", *, private: bool = True
) -> None:
    """Create a database that the reader may enter.

    Parameters
    ----------
    cur
        In autocommit mode, of a role that may create databases.
    database
        Name of the new database.
    template
        Database to copy; nobody may be connected to it.
    private
        Whether nobody else but its owner may enter it.
    """
    name = sql.Identifier(database)
    encoding = sql.SQL(" ENCODING 'UTF8'" if template == "template0" else "")
    cur.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)) + encoding
    )
    if private:
        cur.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    cur.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(READER)))


def prepare_database(cur: cursor) -> None:
    """Create the extensions in the database at hand, or bring them to the installed version.

    Parameters
    ----------
    cur
        In autocommit mode, of a role that may create the extensions.
    """
    cur.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for name in _EXTENSIONS:
        extension = sql.Identifier(name)
        cur.execute(
            "SELECT installed_version, default_version FROM pg_available_extensions"
            " WHERE name = %s",
            (name,),
        )
        row = cur.fetchone()
        if row is None or row[0] is None:
            cur.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(extension))
        elif row[0] != row[1]:
            cur.execute(sql.SQL("ALTER EXTENSION {} UPDATE").format(extension))


def check(url: str | URL) -> None:
    """Check that an external server offers what is needed, and create what may be created.

    Parameters
    ----------
    url
        Of the database that the service shall use.

    Raises
    ------
    UnavailableError
        Something is missing; the message names every missing thing with the statement that an
        administrator must run.
    """
    session = connect(url)
    try:
        with session.cursor() as cur:
            lacks = _lacks(cur)
    finally:
        session.close()
    if lacks:
        raise UnavailableError(
            "the server at %(place)s cannot be used yet:\n%(lacks)s",
            place=shown(url),
            lacks=joined(joined(("- ", lack.message), "") for lack in lacks),
        )


def reader_url(url: str | URL) -> str:
    """Make sure that an external server has a login that may read schema ``map`` only.

    Its password follows from the first login's, so that every service of that database finds it.

    Parameters
    ----------
    url
        Of the database, with a login that may create roles.

    Returns
    -------
    str
        URL with the reader's login.

    Raises
    ------
    UnavailableError
        The login cannot be made; the message holds the statements that an administrator must run.
    """
    address = make_url(url)
    database = address.database or address.username or ""
    login = f"{READER}_{hashlib.sha256(database.encode()).hexdigest()[:8]}"
    password = hmac.new(
        str(address.password or "").encode(), f"{login}@{database}".encode(), "sha256"
    ).hexdigest()
    reader = address.set(username=login, password=password)
    text = reader.render_as_string(hide_password=False)
    session = connect(address)
    try:
        with session.cursor() as cur:
            known = _exists(cur, "pg_roles", "rolname", login)
            if known and _connects(reader):
                return text
            statement = "ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN"
            statement += "" if known else " PASSWORD {} IN ROLE {}"
            cur.execute(
                sql.SQL(statement).format(
                    sql.Identifier(login), sql.Literal(password), sql.Identifier(READER)
                )
            )
            cur.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(READER)
                )
            )
        connect(reader).close()
    except (psycopg2.Error, UnavailableError) as error:
        raise UnavailableError(
            "the server at %(place)s has no login for layer queries and none can be made "
            "(%(error)s). An administrator must run: CREATE ROLE layer_reader LOGIN PASSWORD '...' "
            'IN ROLE %(reader)s; GRANT CONNECT ON DATABASE "%(database)s" TO %(reader)s; then set '
            "GIS_SUPERVISION_READER_DATABASE_URL to the URL with that login",
            place=shown(url),
            error=(
                error if isinstance(error, UnavailableError) else str(error).strip().splitlines()[0]
            ),
            reader=READER,
            database=database,
        ) from error
    finally:
        session.close()
    return text


def check_reader(url: str | URL) -> None:
    """Check that the configured reader can connect and is neither superuser nor a writer.

    Parameters
    ----------
    url
        Of the same database, with the reader's login.

    Raises
    ------
    UnavailableError
        It cannot connect, has too many rights, or is no member of the reading role.
    """
    session = connect(url)
    try:
        with session.cursor() as cur:
            cur.execute(
                "SELECT current_user, rolsuper, pg_has_role(current_user, %s, 'USAGE')"
                " FROM pg_roles WHERE rolname = current_user",
                (READER,),
            )
            login, superuser, member = cur.fetchone() or ("", False, False)
    finally:
        session.close()
    if superuser:
        raise UnavailableError(
            "GIS_SUPERVISION_READER_DATABASE_URL: %(login)s is a superuser; layer queries need a "
            "login that may read schema map only: CREATE ROLE layer_reader LOGIN IN ROLE "
            "%(reader)s",
            login=login,
            reader=READER,
        )
    if not member:
        raise UnavailableError(
            "GIS_SUPERVISION_READER_DATABASE_URL: %(login)s may not read schema map; an "
            'administrator must run: GRANT %(reader)s TO "%(login)s"',
            login=login,
            reader=READER,
        )


def _connects(url: URL) -> bool:
    try:
        connect(url).close()
    except UnavailableError:
        return False
    return True


def _refusal(address: URL, reason: str) -> Message:
    place = shown(address)
    if "does not exist" in reason and "database" in reason:
        return Message(
            "there is no database %(database)s at %(place)s; an administrator must run: "
            'CREATE DATABASE "%(database)s" OWNER "%(login)s"',
            database=address.database,
            place=place,
            login=address.username,
        )
    if "authentication failed" in reason or "no password supplied" in reason:
        return Message(
            "the server refuses the login in %(place)s: %(reason)s", place=place, reason=reason
        )
    return Message(
        "the database at %(place)s does not answer: %(reason)s", place=place, reason=reason
    )


def _exists(cur: cursor, catalogue: str, column: str, name: str) -> bool:
    cur.execute(
        sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
            sql.Identifier(catalogue), sql.Identifier(column)
        ),
        (name,),
    )
    return cur.fetchone() is not None


def _lacks(cur: cursor) -> list[Lack]:
    cur.execute(
        "SELECT current_setting('server_version_num')::int / 10000,"
        " current_setting('server_version'), pg_is_in_recovery(), current_user::text,"
        " current_database()::text, current_setting('server_encoding'),"
        " has_database_privilege(current_database(), 'CREATE'),"
        " has_schema_privilege('public', 'CREATE')"
    )
    row = cur.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    major, version, standby, user, database, encoding, creates, creates_public = row
    if standby:
        return [
            Lack(
                Message("it is a read-only standby"),
                Message("use the address of the primary server"),
            )
        ]
    lacks = []
    if major < 14:  # noqa: PLR2004 - the oldest supported version, named in the message
        lacks.append(
            Lack(
                Message("it runs PostgreSQL %(version)s", version=version),
                Message("14 or newer is needed"),
            )
        )
    if encoding != "UTF8":
        remedy = Message(
            "create the database anew: CREATE DATABASE \"%(database)s\" ENCODING 'UTF8'",
            database=database,
        )
        lacks.append(
            Lack(Message("the database's encoding is %(encoding)s", encoding=encoding), remedy)
        )
    for name, package in _EXTENSIONS.items():
        lacks += _extension_lacks(cur, name, package.format(major=major), database)
    if not creates:
        grant = f'GRANT CREATE ON DATABASE "{database}" TO "{user}"'
        lacks.append(
            Lack(
                Message(
                    "%(user)s may not create schemas in %(database)s", user=user, database=database
                ),
                Message("run: %(statement)s", statement=grant),
            )
        )
    if not creates_public:
        grant = f'GRANT CREATE ON SCHEMA public TO "{user}"'
        lacks.append(
            Lack(
                Message("%(user)s may not create tables in schema public", user=user),
                Message("run: %(statement)s", statement=grant),
            )
        )
    if not _exists(cur, "pg_roles", "rolname", READER):
        try:
            cur.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(READER)))
        except psycopg2.errors.InsufficientPrivilege:
            remedy = Message("run: CREATE ROLE %(reader)s NOLOGIN", reader=READER)
            lacks.append(Lack(Message("the role %(reader)s is missing", reader=READER), remedy))
        except psycopg2.errors.DuplicateObject:
            pass  # another service made it in the meantime
    return lacks


def _extension_lacks(cur: cursor, name: str, package: str, database: str) -> list[Lack]:
    cur.execute(
        "SELECT a.default_version, e.extversion, n.nspname, n.nspname = ANY (current_schemas(true))"
        " FROM pg_available_extensions a LEFT JOIN pg_extension e ON e.extname = a.name"
        " LEFT JOIN pg_namespace n ON n.oid = e.extnamespace WHERE a.name = %s",
        (name,),
    )
    row = cur.fetchone()
    statement = Message(
        "run in database %(database)s: CREATE EXTENSION %(name)s", database=database, name=name
    )
    if row is None:
        what = Message("the extension %(name)s is not installed on the server", name=name)
        return [
            Lack(
                what,
                Message(
                    "install the package %(package)s there, then %(statement)s",
                    package=package,
                    statement=statement,
                ),
            )
        ]
    version = row[1]
    if version is None:
        try:
            cur.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
        except psycopg2.errors.InsufficientPrivilege:
            return [
                Lack(
                    Message("the extension %(name)s is missing, and may not be created", name=name),
                    statement,
                )
            ]
        version = row[0]
    elif not row[3]:
        return [
            Lack(
                Message(
                    "the extension %(name)s is in schema %(schema)s, outside of the search path",
                    name=name,
                    schema=row[2],
                ),
                Message(
                    'run: ALTER DATABASE "%(database)s" SET search_path = "$user", public, '
                    '"%(schema)s"',
                    database=database,
                    schema=row[2],
                ),
            )
        ]
    if name == "postgis" and tuple(int(x) for x in version.split(".")[:2]) < OLDEST_POSTGIS:
        return [
            Lack(
                Message("PostGIS is %(version)s", version=version),
                Message("3.1 or newer is needed: ALTER EXTENSION postgis UPDATE"),
            )
        ]
    return []
