"""Outlines of divisions, to hold other geometry against."""

from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.errors import NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage.statements import named


def outlines(session: Session, code: str | None = None) -> list[Any]:
    """Return outlines in WGS84.

    Parameters
    ----------
    session
        An open session.
    code
        Code of one division; None for all that lie in no other one and are not external.

    Returns
    -------
    list of MultiPolygon

    Raises
    ------
    NotFoundError
        There are none.
    """
    sql = named("boundaries")
    rows = (
        session.execute(text(sql["outlines"]))
        if code is None
        else session.execute(text(sql["outline"]), {"code": code})
    )
    found = [shapely.from_wkb(bytes(row[0])) for row in rows]
    if not found:
        what = (
            Message("no division has an outline")
            if code is None
            else Message("no outline of division %(code)s", code=code)
        )
        raise NotFoundError(
            "%(what)s: import one first, or name a file with the boundary", what=what
        )
    return found
