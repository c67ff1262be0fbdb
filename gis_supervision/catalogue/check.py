"""Checking the catalogue: form, references, then every layer against the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis_supervision.catalogue import query as queries
from gis_supervision.catalogue.load import read
from gis_supervision.catalogue.problems import Problem, nearest
from gis_supervision.catalogue.references import broken_references
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message, joined
from gis_supervision.storage import layers as storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Engine

    from gis_supervision.catalogue.load import Reading
    from gis_supervision.catalogue.models import Layer
    from gis_supervision.catalogue.problems import Told

    _Mistakes = Iterator[tuple[str, Told]]

_GEOMETRIES = {
    "point": {"POINT"},
    "line": {"LINESTRING", "MULTILINESTRING"},
    "polygon": {"POLYGON", "MULTIPOLYGON"},
}


def check(*directories: Path, shipped: bool = True, engine: Engine | None = None) -> list[Problem]:
    """Find every mistake in the catalogue.

    Parameters
    ----------
    *directories, shipped
        As `gis_supervision.catalogue.load.load` takes them.
    engine
        The reader's; when given, every well-formed layer is planned and run on it too: types,
        coordinate system, columns that were not declared, rights.

    Returns
    -------
    list of Problem
        Sorted by file and key; empty when all is well.
    """
    reading = read(*directories, shipped=shipped)
    problems = [*reading.problems, *broken_references(reading.catalogue, reading.files)]
    if engine is not None:
        problems += against_database(reading, engine)
    return sorted(set(problems))


def against_database(reading: Reading, engine: Engine) -> list[Problem]:
    """Have the database plan and run every layer as the reader."""
    problems = []
    with Session(engine) as session:
        login = engine.url.username or "reader"
        problems += [
            Problem(
                "database",
                login,
                Message("can read %(name)s; only schema map should be readable", name=name),
            )
            for name in storage.readable_outside_map(session)
        ]
    for name, layer in reading.catalogue.layers.items():
        file = reading.files["layers", name]
        with Session(engine) as session:
            problems += [
                Problem(file, key, message) for key, message in _in_database(session, layer)
            ]
    return problems


def _in_database(session: Session, layer: Layer) -> _Mistakes:
    if layer.key not in layer.attributes:
        return  # told already, and nothing can be asked in an order
    yield from _known(session, layer)
    source = queries.source(layer)
    try:
        selection = queries.select(session, layer)
        found = {
            column.name: column for column in storage.columns(session, source, selection.parameters)
        }
        yield from _columns(layer, found)
        if set(found) == _declared(layer):
            never = [name for name, item in layer.attributes.items() if item.null == "never"]
            missing = storage.nulls(session, source, selection, never)
            for name, count in missing.items():
                if count:
                    yield (
                        f"attributes.{name}.null",
                        Message("said to be never null, is so in %(count)s rows", count=count),
                    )
    except InvalidInputError as error:
        yield "parameters", error
    except DBAPIError as error:
        yield "query", joined([" ".join(str(error.orig).split())])


def _known(session: Session, layer: Layer) -> _Mistakes:
    """Tell columns of ``known`` that cannot be read."""
    for part, asked in (("parameters", layer.parameters), ("filters", layer.filters)):
        for name, one in asked.items():
            if one.known is None:
                continue
            try:
                with session.begin_nested():
                    storage.known(session, one.known, None)
            except DBAPIError as error:
                yield f"{part}.{name}.known", joined([" ".join(str(error.orig).split())])


def _columns(layer: Layer, found: Mapping[str, storage.Column]) -> _Mistakes:
    declared = _declared(layer)
    for name in sorted(set(found) - declared):
        yield (
            "query",
            Message(
                "column %(name)s would leave undeclared; %(hint)s",
                name=name,
                hint=nearest(name, declared),
            ),
        )
    for name in sorted(declared - set(found)):
        key = f"attributes.{name}" if name in layer.attributes else "geometry.column"
        yield (
            key,
            Message(
                "the query returns no column %(name)s; %(hint)s",
                name=name,
                hint=nearest(name, found),
            ),
        )
    for name, attribute in layer.attributes.items():
        if name in found and found[name].kind != attribute.type:
            told = Message(
                "declared %(type)s, the database returns %(kind)s",
                type=attribute.type,
                kind=found[name].kind,
            )
            yield f"attributes.{name}.type", told
    if layer.geometry is not None and layer.geometry.column in found:
        yield from _geometry(layer, found[layer.geometry.column])


def _declared(layer: Layer) -> set[str]:
    return set(layer.attributes) | ({layer.geometry.column} if layer.geometry else set())


def _geometry(layer: Layer, column: storage.Column) -> _Mistakes:
    geometry = layer.geometry
    if geometry is None:
        return
    if column.kind != "geometry":
        yield (
            "geometry.column",
            Message("%(name)s is %(kind)s, no geometry", name=column.name, kind=column.kind),
        )
        return
    if column.srid is not None and column.srid != geometry.srid:
        yield (
            "geometry.srid",
            Message(
                "declared %(type)s, the database returns %(kind)s",
                type=geometry.srid,
                kind=column.srid,
            ),
        )
    kind = (column.geometry_type or "GEOMETRY").upper()
    if kind != "GEOMETRY" and kind not in _GEOMETRIES[geometry.type]:
        yield (
            "geometry.type",
            Message(
                "declared %(type)s, the database returns %(kind)s", type=geometry.type, kind=kind
            ),
        )
