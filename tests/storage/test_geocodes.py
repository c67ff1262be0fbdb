import factories
import pytest
from sqlalchemy import func, select, text

from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import geocodes
from gis_supervision.storage.tables import Premises, PremisesGeocode

ROAD = "乌苏市长江路1号"


def points(session):
    rows = session.execute(
        select(
            Premises.licence,
            Premises.location,
            func.st_astext(Premises.geom),
            Premises.cell_id,
            Premises.h3_8,
        ).order_by(Premises.licence)
    ).all()
    return {row[0]: tuple(row[1:]) for row in rows}


@pytest.fixture
def county(session):
    county = factories.division(session, code="654202", name="乌苏市")
    town = factories.division(
        session,
        code="654202001",
        name="新市区街道",
        level="township",
        geom=factories.square(84.2, 44.2, 0.2),
    )
    village = factories.division(
        session, code="654202001001", name="塔城路社区居委会", level="village", geom=None
    )
    for below, above in ((town, county), (village, town)):
        below.parent_id = above.id
    factories.grid_cell(session, factories.grid(session), geom=factories.square(side=1.0))
    return county


@pytest.mark.usefixtures("county")
def test_a_code_gives_the_middle_of_the_nearest_outline(session):
    factories.premises(session, licence="village", lng=None, division_code="654202001001")
    factories.premises(session, licence="town", lng=None, division_code="654202001")
    factories.premises(session, licence="gone", lng=None, division_code="654202999999")
    factories.premises(session, licence="exact", lng=84.9, lat=44.9)
    before = points(session)["exact"]
    done = geocodes.geocode(session)
    assert done == geocodes.Geocoded(3, 3, 0, 0, 0, 0)
    found = points(session)
    for licence, place in (("village", "84.3 44.3"), ("town", "84.3 44.3"), ("gone", "84.5 44.5")):
        location, point, cell, h3 = found[licence]
        assert (location, cell, h3) == ("approximate", None, None)
        lng, lat = (float(part) for part in point[6:-1].split())
        assert (lng, lat) == pytest.approx([float(part) for part in place.split()])
    assert found["exact"] == before
    assert before[2] is not None
    # the division stays the one that is written, not the one that lent its middle
    names = dict(
        session.execute(
            text(
                "SELECT p.licence, d.level FROM premises p JOIN division d ON p.division_id = d.id"
            )
        ).all()
    )
    assert (names["village"], names["town"]) == ("village", "township")


def test_an_address_gives_the_finest_division_that_it_names(session, county):
    factories.premises(session, licence="county", lng=None, address=ROAD)
    factories.premises(session, licence="village", lng=None, address="乌苏市塔城路社区 2 号")
    factories.premises(session, licence="nothing", lng=None, address="北京市")
    factories.premises(session, licence="silent", lng=None)
    done = geocodes.geocode(session)
    assert (done.by_name, done.unknown) == (2, 2)
    matched = dict(
        session.execute(
            select(Premises.licence, PremisesGeocode.matched).join(
                PremisesGeocode, PremisesGeocode.premises_id == Premises.id
            )
        ).all()
    )
    assert matched == {"county": "乌苏市", "village": "塔城路社区"}
    # the division of the premises is the one whose middle it has, not a smaller one there
    division = session.scalar(select(Premises.division_id).filter_by(licence="county"))
    assert division == county.id
    assert session.scalar(text("SELECT premises_place_all()")) == 0


@pytest.mark.usefixtures("county")
def test_it_can_be_taken_back_as_if_it_had_never_been(session):
    factories.premises(session, licence="a", lng=None, division_code="654202")
    factories.premises(session, licence="b", lng=None, address=ROAD)
    factories.premises(session, licence="c", lng=84.1, lat=44.1)
    before = points(session)
    assert geocodes.geocode(session).by_code == 1
    assert points(session) != before
    assert geocodes.clear(session) == 2
    assert points(session) == before
    assert session.scalar(select(func.count()).select_from(PremisesGeocode)) == 0


@pytest.mark.usefixtures("county")
def test_an_exact_point_that_comes_later_replaces_it(session):
    premises = factories.premises(session, licence="a", lng=None, division_code="654202")
    geocodes.geocode(session)
    session.execute(
        text(
            "UPDATE premises SET location = 'exact', geom = st_setsrid(st_point(84.7, 44.7), 4326)"
        )
    )
    session.refresh(premises)
    assert premises.cell_id is not None
    assert geocodes.clear(session) == 0
    assert points(session)["a"][:2] == ("exact", "POINT(84.7 44.7)")


def test_the_point_goes_with_the_division_that_lent_it(session, county):
    factories.premises(session, licence="a", lng=None, address=ROAD)
    geocodes.geocode(session)
    session.execute(text("DELETE FROM premises_geocode WHERE division_id = :id"), {"id": county.id})
    assert points(session)["a"][:2] == ("none", None)


@pytest.mark.usefixtures("county")
def test_a_dry_run_and_a_coarsest_level_write_nothing_they_should_not(session):
    factories.premises(session, licence="a", lng=None, division_code="654202")
    assert geocodes.geocode(session, dry_run=True).by_code == 1
    assert points(session)["a"][0] == "none"
    assert geocodes.geocode(session, coarsest="township").too_coarse == 1
    assert points(session)["a"][0] == "none"
    with pytest.raises(InvalidInputError, match="'city'"):
        geocodes.geocode(session, coarsest="city")


@pytest.mark.usefixtures("county")
def test_many_premises_are_located_in_pages(session, monkeypatch):
    monkeypatch.setattr(geocodes, "_BATCH", 3)
    for _ in range(10):
        factories.premises(session, lng=None, division_code="654202001")
    assert geocodes.geocode(session).by_code == 10
    assert {value[0] for value in points(session).values()} == {"approximate"}
