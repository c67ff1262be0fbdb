"""Configuration of the service: one object, built at the outer edge and passed in."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis_supervision.domain.rule_errors import mistake_of
from gis_supervision.errors import InvalidInputError, UnavailableError
from gis_supervision.language import Language
from gis_supervision.messages import Message, joined

ENV_PREFIX = "GIS_SUPERVISION_"

_LANGUAGE_NAMES: dict[str, Language] = {
    "zh": "zh_CN",
    "zh-cn": "zh_CN",
    "zh_cn": "zh_CN",
    "en": "en",
}
_POSTGRESQL_URL = re.compile(r"^postgres(?:ql)?(?:\+[a-z0-9_]+)?://", re.IGNORECASE)


def default_home() -> Path:
    """Return where data is kept when nothing else is said.

    Returns
    -------
    Path
        ``/var/lib/gis-supervision`` for root (PostgreSQL runs under an unprivileged account, which
        cannot look into the home of root), else ``~/.local/share/gis-supervision``.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/gis-supervision")
    return Path("~/.local/share/gis-supervision").expanduser()


class Settings(BaseSettings):
    """Everything that can be configured, read from ``GIS_SUPERVISION_*`` environment variables."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    home: Annotated[
        Path,
        Field(
            default_factory=default_home,
            description="Directory for the private database, its log, and other local state.",
        ),
    ]
    database_url: Annotated[
        str | None,
        Field(
            repr=False,
            description=(
                "URL of a PostgreSQL server with PostGIS to use instead of the private one, "
                "such as postgresql://user:password@host:5432/gis_supervision."
            ),
        ),
    ] = None
    reader_database_url: Annotated[
        str | None,
        Field(
            repr=False,
            description=(
                "URL of the login that layer queries use on that server; it may read schema map "
                "and nothing else. Left out, such a login is made if the first login may do so."
            ),
        ),
    ] = None
    pg_bin: Annotated[
        Path | None,
        Field(
            description=(
                "Directory of the PostgreSQL programs (initdb, pg_ctl) for the private database, "
                "where they are not found by themselves."
            )
        ),
    ] = None
    host: Annotated[str, Field(description="Address the service listens on.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="Port the service listens on; 0 takes a free one.")
    ] = 8000
    language: Annotated[
        Language,
        Field(description="Language of pages, maps, reports and error messages: zh_CN or en."),
    ] = "zh_CN"
    basemap_url: Annotated[
        str | None,
        Field(
            description=(
                "Tile template of a basemap, with {z}, {x} and {y}. Left out, maps have no basemap "
                "and open without a network."
            )
        ),
    ] = None
    tianditu_key: Annotated[
        str | None,
        Field(repr=False, description="Key of the national map service Tianditu, as a basemap."),
    ] = None
    rules_path: Annotated[
        Path | None,
        Field(
            description=(
                "Rule pack of the office, or a directory with one file for each of its versions; "
                "left out, that of the demonstration."
            )
        ),
    ] = None
    working_days_path: Annotated[
        Path | None,
        Field(
            description=(
                "Table of the office's working days, with holidays and make-up weekends; left out, "
                "working_days.toml beside the rule pack, where there is one."
            )
        ),
    ] = None
    catalogue_path: Annotated[
        Path | None,
        Field(description="Directory with the office's own layers/ and maps/, beside the shipped."),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Detail of the log.")
    ] = "info"

    @property
    def rule_pack_path(self) -> Path:
        """The rule pack in use: the configured one, else that of the demonstration."""
        return self.rules_path or Path(__file__).parent / "demo" / "chicago" / "rules.toml"

    @property
    def working_days_file(self) -> Path | None:
        """The table of working days in use; None where there is none."""
        beside = self.rule_pack_path.parent / "working_days.toml"
        return self.working_days_path or (beside if beside.is_file() else None)

    @field_validator(
        "home", "rules_path", "working_days_path", "catalogue_path", "pg_bin", mode="after"
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() would follow symbolic links

    @field_validator("language", mode="before")
    @classmethod
    def _language(cls, value: object) -> object:
        return _LANGUAGE_NAMES.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _log_level(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url", "reader_database_url", mode="after")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not _POSTGRESQL_URL.match(url):
            raise ValueError(
                Message("expected a URL such as postgresql://user:password@host:5432/name")
            )
        return _POSTGRESQL_URL.sub("postgresql+psycopg2://", url)

    @field_validator("basemap_url", mode="after")
    @classmethod
    def _tile_template(cls, url: str | None) -> str | None:
        if url is not None and not all(part in url for part in ("{z}", "{x}")):
            raise ValueError(Message("expected a tile template with {z}, {x} and {y}"))
        if url is not None and "{y}" not in url and "{-y}" not in url:
            raise ValueError(Message("expected a tile template with {z}, {x} and {y}"))
        return url


def load(**values: Any) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    **values
        Settings given elsewhere, such as command-line options; they win over the environment, and
        None counts as not given.

    Returns
    -------
    Settings

    Raises
    ------
    InvalidInputError
        A value is not what was expected; every mistake is named with its variable.
    """
    try:
        return Settings(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        mistakes = joined((_mistake(mistake) for mistake in error.errors()), "; ")
        raise InvalidInputError("settings: %(mistakes)s", mistakes=mistakes) from None


def _mistake(mistake: ErrorDetails) -> Message:
    name = str(mistake["loc"][0])
    variable = f"{ENV_PREFIX}{name.upper()}"
    if "_url" in name:  # it may hold a password
        return Message("%(key)s: %(mistake)s", key=variable, mistake=mistake_of(mistake))
    return Message(
        "%(key)s: %(mistake)s (got %(got)r)",
        key=variable,
        mistake=mistake_of(mistake),
        got=mistake["input"],
    )


def spoken() -> Language:
    """Return the language of the environment, the usual one where that is wrong.

    It tells people of settings that cannot be read.
    """
    field = Settings.model_fields["language"]
    name = os.environ.get(f"{ENV_PREFIX}LANGUAGE", "")
    usual: Language = field.default
    return _LANGUAGE_NAMES.get(name.lower(), usual)


def project_dir(name: Literal["alembic", "layers", "maps"]) -> Path:
    """Find one of the project's directories of files.

    Parameters
    ----------
    name
        The directory's name.

    Returns
    -------
    Path
        The directory beside the package in a checkout, inside the package when installed.

    Raises
    ------
    UnavailableError
        The installation lacks the directory.
    """
    package = Path(__file__).resolve().parent
    for directory in (package / "_project" / name, package.parent / name):
        if directory.is_dir():
            return directory
    raise UnavailableError(
        "directory %(name)s/ is neither in %(package)s nor in %(parent)s: install the package "
        "again",
        name=name,
        package=package / "_project",
        parent=package.parent,
    )
