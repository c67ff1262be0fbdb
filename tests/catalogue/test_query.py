"""What readers ask of layers: parameters, filters, pages of GeoJSON, totals."""

import json
from datetime import date

import factories
import pytest

from gis_supervision import catalogue
from gis_supervision.catalogue.query import parse_bbox, rows
from gis_supervision.errors import InvalidInputError, NotFoundError

AS_OF = date(2024, 6, 30)


@pytest.fixture(scope="module")
def read():
    return catalogue.load()


@pytest.fixture
def hazards(read):
    return read.layers["unresolved_hazards"]


@pytest.fixture
def register(session):
    """Twelve unresolved hazards of four premises, one of them without a place; two resolved."""
    cells = factories.grid(session)
    cell = factories.grid_cell(session, cells)
    zone = factories.zone(session, code="Z01")
    factories.zone_cell(session, zone, cell)
    places = [
        factories.premises(session, lng=84.005, lat=44.005, name="Inside"),
        factories.premises(session, lng=84.5, lat=44.5, name="Outside"),
        factories.premises(session, lng=-179.5, lat=10.0, name="Far east"),
        factories.premises(session, lng=None, name="Nowhere"),
    ]
    severities = ("critical", "serious", "minor")
    for place in places:
        for number, severity in enumerate(severities):
            visit = factories.inspection(session, place, inspected_on=date(2024, 1 + number, 1))
            factories.hazard(session, visit, severity=severity, item=str(number))
    visit = factories.inspection(session, places[0], inspected_on=date(2024, 2, 2))
    factories.hazard(session, visit, item="8", state="verified", resolved_on=date(2024, 3, 3))
    visit = factories.inspection(session, places[0], inspected_on=date(2024, 7, 2))
    factories.hazard(session, visit, item="9")
    return session


def features(page):
    return json.loads(catalogue.feature_collection(page))["features"]


def names(page):
    return {feature["properties"]["name"] for feature in features(page)}


def test_features_hold_what_is_declared_and_nothing_else(register, hazards):
    for feature in features(catalogue.fetch(register, hazards, {"as_of": AS_OF})):
        assert set(feature["properties"]) == set(hazards.attributes)
        assert feature["id"] == feature["properties"]["hazard_id"]


def test_only_what_is_unresolved_on_the_day(register, hazards):
    assert len(features(catalogue.fetch(register, hazards, {"as_of": AS_OF}))) == 12
    assert len(features(catalogue.fetch(register, hazards, {"as_of": "2024-02-20"}))) == 9
    assert len(features(catalogue.fetch(register, hazards, {"as_of": "2023-01-01"}))) == 0
    assert len(features(catalogue.fetch(register, hazards, {"as_of": date(2024, 7, 2)}))) == 13


@pytest.mark.parametrize("limit", [1, 5, 12, 100])
def test_pages_hold_every_feature_once(register, hazards, limit):
    seen, after = [], None
    while True:
        page = catalogue.fetch(register, hazards, {"as_of": AS_OF}, limit=limit, after=after)
        assert page.returned <= limit
        seen += [feature["id"] for feature in features(page)]
        after = page.last
        if not page.more:
            break
    assert seen == sorted(set(seen))
    assert len(seen) == 12


def test_what_has_no_place_has_no_geometry_and_is_there(register, hazards):
    found = features(catalogue.fetch(register, hazards, {"as_of": AS_OF}))
    assert [f["properties"]["name"] for f in found if f["geometry"] is None] == ["Nowhere"] * 3
    place = next(f for f in found if f["properties"]["name"] == "Inside")
    assert place["geometry"] == {"type": "Point", "coordinates": [84.005, 44.005]}


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ("84,44,84.1,44.1", {"Inside"}),
        ((84, 44, 85, 45), {"Inside", "Outside"}),
        ("170,0,-170,20", {"Far east"}),
        ("-170,0,170,20", set()),
        (None, {"Inside", "Outside", "Far east", "Nowhere"}),
    ],
)
def test_a_box_may_cross_the_antimeridian(register, hazards, bbox, expected):
    assert names(catalogue.fetch(register, hazards, {"as_of": AS_OF}, bbox=bbox)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"severity": "critical"}, 4),
        ({"severity": "critical,minor"}, 8),
        ({"severity": ["serious"]}, 4),
        ({"zone": "Z01"}, 3),
        ({"zone": "none"}, 9),
        ({"zone": ["Z01", "none"]}, 12),
        ({"age": "..130"}, 4),
        ({"age": "121..150"}, 4),
        ({"age": "150.."}, 8),
        ({"age": "150..", "severity": "critical", "zone": "Z01"}, 1),
        ({"severity": ""}, 12),
    ],
)
def test_filters(register, hazards, values, expected):
    page = catalogue.fetch(register, hazards, {"as_of": AS_OF, **values})
    assert page.returned == expected


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        ({"as_of": "30.06.2024"}, ["as_of", "2014-12-30", "30.06.2024"]),
        ({"as_off": "2024-06-30"}, ["as_off", "as_of"]),
        ({"severity": "critcal"}, ["severity", "'critical'"]),
        ({"age": "90"}, ["age", "90..180"]),
        ({"age": "x..y"}, ["age", "whole number"]),
        ({"as_of": "yesterday", "severity": "bad", "age": "1", "colour": "x"},
         ["as_of", "severity", "age", "colour"]),
    ],
)  # fmt: skip
def test_wrong_values_are_told_all_at_once(register, hazards, values, fragments):
    with pytest.raises(InvalidInputError) as error:
        catalogue.fetch(register, hazards, values)
    assert all(fragment in str(error.value) for fragment in fragments)


@pytest.mark.parametrize(
    "bbox", ["1,2,3", "a,b,c,d", "0,0,0,91", "0,5,1,4", "-181,0,0,1", "nan,0,1,1", "1e999,0,1,1"]
)
def test_a_wrong_box_is_told(bbox):
    with pytest.raises(InvalidInputError, match="bbox: expected west,south,east,north"):
        parse_bbox(bbox)


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_one_to_ten_thousand_features(register, hazards, limit):
    with pytest.raises(InvalidInputError, match="limit"):
        catalogue.fetch(register, hazards, limit=limit)


def test_the_key_of_the_last_feature_is_typed(register, hazards):
    with pytest.raises(InvalidInputError, match="after: expected a whole number"):
        catalogue.fetch(register, hazards, after="1; DROP TABLE hazard")


def test_values_are_never_read_as_sql(register, read):
    premises = read.layers["premises"]
    hostile = "x' OR '1'='1"
    assert catalogue.fetch(register, premises, {"category": [hostile]}).returned == 0


def test_without_a_day_the_last_one_of_the_register_is_shown(register, hazards):
    assert catalogue.select(register, hazards).parameters == {"as_of": date(2024, 7, 2)}


def test_descriptions_carry_the_totals(register, hazards):
    about = catalogue.describe(hazards, "zh_CN", session=register, values={"as_of": AS_OF})
    assert about["title"] == "未整改隐患"
    totals = about["totals"]
    assert (totals["located"], totals["not_located"], totals["total"]) == (9, 3, 12)
    assert totals["severity"]["critical"] == {"located": 3, "not_located": 1, "total": 4}
    assert sum(part["total"] for part in totals["severity"].values()) == totals["total"]
    json.dumps(about)


def test_every_layer_answers_on_an_empty_register(session, read):
    for layer in read.layers.values():
        assert catalogue.fetch(session, layer).returned == 0
        assert catalogue.describe(layer, "en", session=session)["totals"]["total"] == 0
        selection = catalogue.select(session, layer)
        assert rows(session, layer, selection).geometries == []


def test_names_that_are_not_there_get_a_hint(read):
    with pytest.raises(NotFoundError, match="did you mean 'unresolved_hazards'"):
        catalogue.find_layer(read, "unresolved_hazard")
    with pytest.raises(NotFoundError, match="did you mean 'coverage'"):
        catalogue.find_map(read, "coverages")
