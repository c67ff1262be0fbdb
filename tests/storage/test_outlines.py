import factories
import numpy as np
from sqlalchemy import text

from gis_supervision.storage import outlines


def test_premises_are_placed_as_the_database_places_them(session):
    county = factories.division(session, geom=factories.square(84.0, 44.0, 0.08))
    town = factories.division(
        session, code="654202001", level="township", geom=factories.square(84.02, 44.02, 0.03)
    )
    factories.division(session, code="654202001001", level="village", geom=None)
    lattice = factories.grid(session)
    for column in range(4):
        for row in range(4):
            factories.grid_cell(
                session,
                lattice,
                code=f"{9 - column}{row}",
                geom=factories.square(84.01 + column / 100, 44.01 + row / 100),
                division_id=None if (column + row) % 2 else town.id,
            )
    chance = np.random.default_rng(1)
    # many on borders and corners
    corner = np.array([84.0, 44.0])
    points = np.round(chance.uniform(0, 0.1, (300, 2)), 2) + corner
    points = np.vstack([points, chance.uniform(0, 0.1, (100, 2)) + corner, [[np.nan] * 2]])
    placed = outlines.in_force(session).place(points[:, 0], points[:, 1])
    wanted = session.execute(
        text(
            """
            SELECT
                coalesce(c.id, 0),
                coalesce(c.division_id, division_at(p.geom), 0)
            FROM unnest(CAST(:lng AS float8 []), CAST(:lat AS float8 []))
                WITH ORDINALITY AS s (lng, lat, seq)
            CROSS JOIN LATERAL (SELECT st_setsrid(st_makepoint(s.lng, s.lat), 4326) AS geom) AS p
            LEFT JOIN grid_cell AS c ON c.id = cell_at(p.geom)
            ORDER BY s.seq
            """
        ),
        {"lng": points[:-1, 0].tolist(), "lat": points[:-1, 1].tolist()},
    ).all()
    found = list(zip(*(ids.tolist() for ids in placed), strict=True))
    assert found[:-1] == [tuple(row) for row in wanted]
    assert found[-1] == (0, 0)
    assert {county.id, town.id} <= {division for _, division in found}
    assert sum(cell > 0 for cell, _ in found) > 60
