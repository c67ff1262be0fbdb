"""What the routes are given: engines, catalogue, rules, and answers that were made before."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Query, Request
from pydantic import AfterValidator, StringConstraints
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis_supervision import catalogue as catalogue_of
from gis_supervision.analysis import days
from gis_supervision.assignment import cell_work
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.rule_errors import near_name
from gis_supervision.domain.rule_history import RuleHistory, load_rule_history
from gis_supervision.domain.rules import RulePack
from gis_supervision.domain.working_days import WorkingCalendar
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Language
from gis_supervision.messages import Message
from gis_supervision.rendering import basemap
from gis_supervision.rendering.basemap import Basemap
from gis_supervision.settings import Settings
from gis_supervision.storage import analyses, cluster, database, register, working_days
from gis_supervision.storage.database import session_scope


@dataclass
class Memory:
    """The newest answers that were dear to make; requests for the same one make it once."""

    size: int = 32
    _kept: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    _making: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the answer for a key, making it where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                answer = make()
                with self._lock:
                    self._kept[key] = answer
                    while len(self._kept) > self.size:
                        self._kept.popitem(last=False)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return answer


@dataclass(frozen=True)
class Resources:
    """Everything that requests share."""

    settings: Settings
    endpoint: cluster.Endpoint
    engine: Engine
    reader: Engine
    catalogue: catalogue_of.Catalogue
    rule_history: RuleHistory
    basemap: Basemap | None
    memory: Memory

    @classmethod
    def open(cls, settings: Settings) -> "Resources":
        """Reach the database, read the catalogue and the rules.

        Raises
        ------
        UnavailableError
            When the database cannot be reached.
        InvalidInputError
            When a file of the catalogue or the rule pack is wrong.
        """
        endpoint = cluster.ensure(settings)
        directories = [settings.catalogue_path] if settings.catalogue_path else []
        return cls(
            settings=settings,
            endpoint=endpoint,
            engine=database.engine(endpoint.url),
            reader=database.reader_engine(endpoint.reader_url),
            catalogue=catalogue_of.load(*directories),
            rule_history=load_rule_history(settings.rule_pack_path),
            basemap=basemap.from_settings(settings),
            memory=Memory(),
        )

    @property
    def rules(self) -> RulePack:
        """The rules in force today."""
        return self.rule_history.on(datetime.now(UTC).date())

    def calendar(self, session: Session, day: date) -> WorkingCalendar | None:
        """Read the working days where the register's divisions are; None without a table."""
        return working_days.of_register(session, self.settings.working_days_file, day)

    def version(self) -> Hashable:
        """Return what every answer depends on; see `analyses.answers_version`."""
        with session_scope(self.engine) as session:
            return analyses.answers_version(session)

    def analyse_for(self, as_of: str | None, layers: Iterable[catalogue_of.Layer]) -> None:
        """Make the analyses that layers show of a past day, unless they were made already."""
        queries = [layer.query for layer in layers]
        worked = cell_work.shown_by(queries)
        if not worked and (as_of is None or not days.views(queries)):
            return
        try:
            asked_for = None if as_of is None else date.fromisoformat(as_of)
        except ValueError:
            raise InvalidInputError(
                "as_of: expected a day such as 2014-12-30, got %(as_of)r", as_of=as_of
            ) from None
        with session_scope(self.engine) as session:
            day = asked_for or register.default_as_of(session)
            first = register.first_inspection(session)
            if first is None or not first <= day <= register.current_day(session):
                return  # nothing is known of that day: layers say so
            if worked:
                # hours that were set a moment ago are shown, also on the report's own day
                cell_work.stored(session, self.rules, day)
            if asked_for is not None:
                days.analyse(session, self.rule_history, day, queries)

    def recover(self) -> bool:
        """Start the private database again if it is down; returns whether it was.

        Raises
        ------
        UnavailableError
            When it cannot be started, or a configured server does not answer.
        """
        again = cluster.ensure(self.settings)
        if again.lease is not None:
            again.lease.close()
        return again.started

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()
        self.reader.dispose()
        if self.endpoint.lease is not None:
            self.endpoint.lease.close()


def _resources(request: Request) -> Resources:
    shared: Resources = request.app.state.shared
    return shared


CurrentResources = Annotated[Resources, Depends(_resources)]


def _language(
    shared: CurrentResources,
    language: Annotated[
        Language | None, Query(description="language of texts; left out: the configured one")
    ] = None,
) -> Language:
    return language or shared.settings.language


RequestLanguage = Annotated[Language, Depends(_language)]


By = Annotated[str, AfterValidator(checked_actor)]
"""Who does something; refused where it is blank."""

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
]
"""A text of bodies that says something."""


def same_origin(request: Request) -> None:
    """Let through what changes something only as JSON, and not from a page of another site.

    A page of another site can send forms without asking, JSON only after the service agreed, which
    it never does; browsers name the page's site in ``Origin``. Programs send none. Routes take it
    as ``dependencies=[Depends(same_origin)]``.

    Raises
    ------
    HTTPException
        415 for a body that does not say it is ``application/json``, 403 for a foreign origin.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Message(
                "expected a body of application/json, got %(media_type)s",
                media_type=media_type or Message("no media type"),
            ),
        )
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            Message(
                "a page of %(origin)s may change nothing here",
                origin=origin or Message("another site"),
            ),
        )


def asked(
    request: Request, *, known: Sequence[str] = (), also: Sequence[str] = ()
) -> dict[str, str]:
    """Return the query's values for parameters and filters, refusing what nobody knows.

    Parameters
    ----------
    request
        The request.
    known
        Parameters that the route takes itself; they are left out of the result.
    also
        Parameters and filters that are returned.

    Raises
    ------
    InvalidInputError
        A parameter is not known; the message has the nearest right name.
    """
    for name in request.query_params:
        # whatever is asked for, what is wrong with it is told in a language
        if name not in ("language", *known, *also):
            raise InvalidInputError(
                "parameter %(name)r is not known%(hint)s",
                name=name,
                hint=near_name(name, [*known, *also]),
            )
    return {name: value for name, value in request.query_params.items() if name in also}
