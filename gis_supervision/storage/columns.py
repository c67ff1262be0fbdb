"""The kinds of columns and constraints that the tables are made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Record(DeclarativeBase):
    """Every constraint has a name: migrations speak of it and errors are explained by it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        float: Double,
        date: Date,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        Range[date]: DATERANGE,
    }


def identity() -> Mapped[int]:
    """Make a primary key that the database numbers."""
    return mapped_column(BigInteger, Identity(), primary_key=True)


def reference(target: str, *, nullable: bool = False, index: bool = True) -> Mapped[Any]:
    """Make a reference to a row of another table, indexed unless told otherwise."""
    return mapped_column(BigInteger, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


def geom_column(kind: str, *, nullable: bool = False) -> Mapped[Any]:
    """Make a geometry in EPSG:4326 without an index."""
    return mapped_column(Geometry(kind, srid=4326, spatial_index=False), nullable=nullable)


def geom_3857_column(kind: str) -> Mapped[Any]:
    """Make the geometry that the database keeps in EPSG:3857."""
    return mapped_column(
        Geometry(kind, srid=3857, spatial_index=False),
        Computed("st_transform(geom, 3857)", persisted=True),
        nullable=True,
    )


def now() -> Mapped[datetime]:
    """Make a time that is that of the transaction unless given."""
    return mapped_column(server_default=func.now())


def gist_index(name: str, column: str, where: str | None = None) -> Index:
    """Make a spatial index, of part of the rows where a condition is given."""
    return Index(
        name,
        column,
        postgresql_using="gist",
        postgresql_where=None if where is None else text(where),
    )


def never_twice(name: str, *equal: str, where: str | None = None) -> ExcludeConstraint:
    """At any instant at most one row for the same values of ``equal``."""
    condition = None if where is None else text(where)
    elements: list[tuple[Any, str]] = [(column, "=") for column in equal]
    return ExcludeConstraint(*elements, ("valid", "&&"), name=name, using="gist", where=condition)


def valid_not_empty() -> CheckConstraint:
    """Refuse a validity that holds no day."""
    return CheckConstraint("NOT isempty(valid)", name="valid_not_empty")
