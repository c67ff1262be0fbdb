"""How commands reach the database: the private one is started when it is down."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gis_supervision import catalogue
from gis_supervision import settings as configuration
from gis_supervision.domain.rule_history import load_rule_history
from gis_supervision.language import Translator, translator
from gis_supervision.storage import cluster, database, migration, working_days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from gis_supervision.catalogue import Catalogue
    from gis_supervision.domain.rule_history import RuleHistory
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.domain.working_days import WorkingCalendar
    from gis_supervision.settings import Settings


@dataclass(frozen=True)
class Connection:
    """The database of the settings, for the owner and for the reader of schema ``map``."""

    settings: Settings
    endpoint: cluster.Endpoint
    engine: Engine
    reader: Engine

    @property
    def translate(self) -> Translator:
        """Texts in the language of the settings."""
        return translator(self.settings.language)

    def catalogue(self) -> Catalogue:
        """Read the shipped layers and maps, and those of the settings."""
        path = self.settings.catalogue_path
        return catalogue.load(*([path] if path else []))

    def rule_history(self) -> RuleHistory:
        """Read the rule pack of the settings, in all versions that are there."""
        return load_rule_history(self.settings.rule_pack_path)

    def rules(self, day: date | None = None) -> RulePack:
        """Read the rule pack of the settings, as in force on a day; left out: today."""
        return self.rule_history().on(day or datetime.now(UTC).date())

    def calendar(self, session: Session, day: date) -> WorkingCalendar | None:
        """Read the working days where the register's divisions are; None without a table."""
        return working_days.of_register(session, self.settings.working_days_file, day)


@contextmanager
def connected(settings: Settings | None = None, *, migrated: bool = True) -> Iterator[Connection]:
    """Reach the database, starting the private one where none is configured.

    Parameters
    ----------
    settings
        Left out: those of the environment.
    migrated
        Refuse a database that is not at the newest migration.

    Yields
    ------
    Connection

    Raises
    ------
    UnavailableError
        The database cannot be reached, or is not migrated.
    """
    chosen = configuration.load() if settings is None else settings
    endpoint = cluster.ensure(chosen)
    if migrated:
        migration.require_current(endpoint.url)
    engine = database.engine(endpoint.url)
    reader = database.reader_engine(endpoint.reader_url)
    try:
        yield Connection(chosen, endpoint, engine, reader)
    finally:
        engine.dispose()
        reader.dispose()
        if endpoint.lease is not None:
            endpoint.lease.close()


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Stop the private database at the end if it was started for this and nobody else uses it.

    A termination signal ends the block as Ctrl-C does, so that the database stops in order; after
    a kill it goes on running, and the next command finds it.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    endpoint = cluster.ensure(settings)
    try:
        yield
    finally:
        cluster.stop_if_idle(settings, endpoint)
        signal.signal(signal.SIGTERM, before)
