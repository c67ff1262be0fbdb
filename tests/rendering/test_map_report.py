"""Building map reports: what stands in the file, what does not, and how it comes about."""

import json
import random
import re
from datetime import date, timedelta

import pytest
import shapely
from sqlalchemy import text

from gis_supervision import catalogue
from gis_supervision.catalogue.models import Attribute
from gis_supervision.errors import InvalidInputError, NotFoundError, UnavailableError
from gis_supervision.language import gettext_noop, translator
from gis_supervision.rendering import basemap, map_report, packing
from gis_supervision.rendering.texts import TEXTS
from gis_supervision.settings import Settings

AS_OF = date(2024, 6, 30)

PLANNERS_LAYER = """
title = { en = "Places", zh_CN = "地点" }
description = { en = "Places.", zh_CN = "地点。" }
audience = ["planner"]
key = "premises_id"
query = "SELECT p.premises_id, p.name, p.geom FROM map.premises AS p"
geometry = { column = "geom", type = "point" }

[attributes.premises_id]
title = { en = "Number", zh_CN = "编号" }
type = "integer"
null = "never"

[attributes.name]
title = { en = "Name", zh_CN = "名称" }
type = "text"
null = "never"
"""
PLANNERS_MAP = """
title = { en = "My places", zh_CN = "我的地点" }
description = { en = "A map.", zh_CN = "一张图。" }
audience = ["planner"]

[[layers]]
layer = "grid_cells"

[[layers]]
layer = "places"
"""


def build(register, name="unresolved_hazards", **options):
    options.setdefault("parameters", {"as_of": AS_OF})
    options.setdefault("language", "en")
    return map_report.build(register.session, register.catalogue, name, **options)


def contents(html):
    """The data of a report."""
    return json.loads(re.search(r'id="report-data">(.*?)</script>', html, re.DOTALL)[1])


def test_the_same_data_make_the_same_file(register):
    assert build(register) == build(register)


def test_only_declared_attributes_are_in_the_file(register):
    data = contents(build(register))
    for layer in data["layers"]:
        declared = register.catalogue.layers[layer["name"]].attributes
        assert set(layer["columns"]) == set(layer["attributes"]) <= set(declared)
    zones = next(layer for layer in data["layers"] if layer["name"] == "zones")
    assert "staff_number" not in zones["columns"]


def test_the_policy_forbids_every_request(register):
    html = build(register)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert policy.startswith("default-src &#39;none&#39;;")
    assert "http" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert re.findall(r'(?:src|href)="([^"]+)"', html.split('id="report-data"')[0]) == ["data:,"]
    assert "<\\/script" not in contents(html)["title"]["en"]


def test_data_cannot_end_the_script_they_stand_in(register):
    html = build(register)
    assert "window.hostile" in html
    assert "</script><b>" not in html
    assert "<img src=x" not in html


def test_a_basemap_is_the_only_thing_that_may_be_asked_for(register):
    tiles = basemap.Basemap(
        urls=("https://{s}.tiles.example/{z}/{x}/{y}.png",), attribution="<b>Tiles</b>"
    )
    html = build(register, basemap=tiles)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert "img-src data: https://*.tiles.example;" in policy
    assert policy.count("http") == 1
    assert "https://{s}.tiles.example/{z}/{x}/{y}.png" in html
    assert "&lt;b&gt;Tiles" in html or "\\u0026lt;b\\u0026gt;Tiles" in html
    assert contents(html)["basemap"] is True


def test_tianditu_has_its_chinese_names_above_it(register):
    settings = Settings(tianditu_key="a key")
    html = build(register, basemap=basemap.from_settings(settings), language="zh_CN")
    assert "vec_w/wmts" in html
    assert html.index("vec_w/wmts") < html.index("cva_w/wmts")
    assert "tk=a%20key" in html
    assert "https://*.tianditu.gov.cn" in html
    assert json.dumps("底图：天地图")[1:-1] in html or "底图：天地图" in html


@pytest.mark.parametrize(
    "url",
    ["ftp://x/{z}/{x}/{y}", "https://x/{z}/{x}.png", "/{z}/{x}/{y}", "https://x;y/{z}/{x}/{y}"],
)
def test_a_wrong_basemap_is_told(url):
    with pytest.raises(InvalidInputError, match="basemap"):
        basemap.Basemap(urls=(url,))


def test_no_basemap_is_the_default():
    assert basemap.from_settings(Settings()) is None
    chosen = basemap.from_settings(Settings(basemap_url="https://x.example/{z}/{x}/{y}.png"))
    assert chosen.urls == ("https://x.example/{z}/{x}/{y}.png",)


def test_tiles_are_drawn_in_the_browser(register, tmp_path, chromium):
    """The tiles' host answers from the test: the page asks it and nobody else."""
    path = tmp_path / "map.html"
    tiles = basemap.Basemap(urls=("https://tiles.example/{z}/{x}/{y}.png",))
    path.write_text(build(register, basemap=tiles), encoding="utf-8")
    pixel = (map_report.assets() / "node_modules/leaflet/dist/images/layers.png").read_bytes()
    context = chromium.new_context()
    asked = []

    def answer(route):
        asked.append(route.request.url)
        route.fulfill(body=pixel, content_type="image/png")

    context.route(re.compile("^https?:"), answer)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector(".leaflet-tile-loaded", state="attached")
    assert asked
    assert all(re.fullmatch(r"https://tiles\.example/\d+/\d+/\d+\.png", url) for url in asked)
    assert "basemap tiles" in page.inner_text(".leaflet-control-attribution")
    context.close()


@pytest.mark.parametrize(
    ("parameters", "fragments"),
    [
        ({"as_off": AS_OF}, ["as_off", "'as_of'"]),
        ({"as_of": "June"}, ["as_of", "2014-12-30"]),
        ({"severity": "bad"}, ["severity", "expected one of"]),
    ],
)
def test_wrong_parameters_are_told(register, parameters, fragments):
    with pytest.raises(InvalidInputError) as error:
        build(register, parameters=parameters)
    assert all(fragment in str(error.value) for fragment in fragments)


def test_wrong_names_are_told(register):
    with pytest.raises(NotFoundError, match="'unresolved_hazards'"):
        build(register, "unresolved_hazrds")
    with pytest.raises(InvalidInputError, match="zh_CN"):
        build(register, language="fr")


def test_a_day_without_analysis_says_so(register):
    day = AS_OF - timedelta(days=1)
    hotspots = next(
        layer
        for layer in contents(build(register, parameters={"as_of": day}))["layers"]
        if layer["name"] == "hazard_hotspots"
    )
    assert hotspots["count"] == 0
    assert hotspots["empty"]["en"] == "No hotspot analysis for this day."


def test_an_empty_register_makes_a_map(session, opened, tmp_path):
    path = map_report.write(
        tmp_path / "empty.html", session, catalogue.load(), "unresolved_hazards", language="en"
    )
    assert opened(path).get_attribute("#shown", "data-shown") == "0"


def test_a_planner_adds_a_map_by_adding_files(register, tmp_path, opened):
    for kind, content in (("layers", PLANNERS_LAYER), ("maps", PLANNERS_MAP)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "places.toml").write_text(content, encoding="utf-8")
    assert catalogue.check(tmp_path) == []
    path = map_report.write(
        tmp_path / "out" / "places.html",
        register.session,
        catalogue.load(tmp_path),
        "places",
        language="en",
        parameters={"as_of": AS_OF},
    )
    page = opened(path)
    assert page.inner_text("h1") == "My places"
    count = register.session.scalar(text("SELECT count(*) FROM premises"))
    assert page.get_attribute("#shown", "data-shown") == str(count)
    page.locator(".site, .cluster").first.click()
    page.click("#missing-places summary")
    assert page.locator("#missing-places tbody tr").count() == 3


def test_a_file_is_whole_or_as_it_was(register, tmp_path):
    path = tmp_path / "map.html"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(InvalidInputError):
        map_report.write(
            path, register.session, register.catalogue, "coverage", parameters={"x": 1}
        )
    assert path.read_text(encoding="utf-8") == "before"
    map_report.write(path, register.session, register.catalogue, "coverage")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.html"]
    with pytest.raises(UnavailableError, match="cannot be written"):
        map_report.write(
            path / "below" / "map.html", register.session, register.catalogue, "coverage"
        )


def test_every_text_of_the_script_is_translated():
    scripts = "".join(path.read_text(encoding="utf-8") for path in map_report.assets().glob("*.js"))
    said = set(re.findall(r'say\("([^"]+)"', scripts))
    said |= set(re.findall(r'"([^"]+)"', re.search(r"\[([^\]]*)\]\.map\(\(text\)", scripts)[1]))
    assert said <= set(TEXTS)
    assert set(TEXTS) <= said
    chinese = translator("zh_CN")
    assert [message for message in TEXTS if chinese(gettext_noop(message)) == message] == []


def attribute(kind, **more):
    return Attribute.model_validate(
        {"title": {"en": "a", "zh_CN": "a"}, "type": kind, "null": {"en": "-", "zh_CN": "-"}} | more
    )


def test_the_browser_reads_what_was_packed(built, opened):
    """Columns, points and outlines survive: packed here, read by the page's own script."""
    page = opened(built("zone_workload"))
    chance = random.Random(7)  # noqa: S311 - test data
    days = [date(2020, 1, 1) + timedelta(days=chance.randrange(3000)) for _ in range(50)]
    cases = [
        (attribute("text"), ["b", "a", None, "b", "<c>", ""] * 5),
        (attribute("integer"), [chance.randrange(-(10**9), 10**9) for _ in range(50)]),
        (attribute("integer"), [None, 5, 0, None, -3]),
        (attribute("integer"), list(range(1000, 1100))),
        (attribute("number", decimals=2), [1.25, -0.5, None, 1234.56]),
        (attribute("number", format="percent", decimals=1), [0.123, 0.999, 1.0, 0.0]),
        (attribute("boolean"), [True, False, None, True]),
        (attribute("date"), days),
        (attribute("date"), [days[0]] * 3),
        (attribute("text"), []),
        (attribute("text"), [None, None]),
    ]
    for kind, values in cases:
        read = page.evaluate(
            "([packed, attribute, count]) => decodeColumn(packed, attribute, count)",
            [packing.column(values, kind), {"type": kind.type}, len(values)],
        )
        assert read == [packing.days(v) if isinstance(v, date) else v for v in values]
    places = [(84.1, 44.2), (84.1, 44.2), None, (-179.999999, -89.5), (84.100001, 44.2)]
    packed = packing.points([None if p is None else shapely.Point(p).wkb for p in places])
    assert packed.located == 4
    read = page.evaluate(
        "([p, n]) => { const d = decodePoints(p, n); return [[...d.lng], [...d.lat], d.site] }",
        [packed.packed, len(places)],
    )
    lng, lat, sites = read
    assert len(lng) == 3
    assert [None if s < 0 else (lng[s] / 1e6, lat[s] / 1e6) for s in sites] == places
    ring = [(84.0, 44.0), (84.1, 44.0), (84.1, 44.1), (84.0, 44.1), (84.0, 44.0)]
    hole = [(84.04, 44.04), (84.06, 44.04), (84.06, 44.06), (84.04, 44.06), (84.04, 44.04)]
    shapes = [
        shapely.Polygon(ring, [hole]),
        None,
        shapely.MultiPolygon([shapely.box(85, 45, 86, 46), shapely.box(87, 45, 88, 46)]),
    ]
    packed = packing.areas([None if shape is None else shape.wkb for shape in shapes])
    read = page.evaluate("packed => decodeAreas(packed).map(area => area.outline)", packed.packed)
    for shape, parts in zip(shapes, read, strict=True):
        if shape is None:
            assert parts is None
            continue
        again = shapely.union_all(
            [
                shapely.Polygon(*[[(x, y) for y, x in ring] for ring in rings[:1]],
                                [[(x, y) for y, x in ring] for ring in rings[1:]])
                for rings in parts
            ]
        )  # fmt: skip
        assert again.symmetric_difference(shape).area < 1e-9


def test_fifty_thousand_features_take_few_bytes():
    chance = random.Random(3)  # noqa: S311 - test data
    names = [f"Restaurant {chance.randrange(10**9)} 饭馆" for _ in range(12_000)]
    owner = sorted(chance.randrange(12_000) for _ in range(50_000))
    columns = [
        packing.column([names[i] for i in owner], attribute("text")),
        packing.column([f"{names[i]} street" for i in owner], attribute("text")),
        packing.column([chance.choice("abcd") for _ in owner], attribute("text")),
        packing.column([chance.randrange(1300) for _ in owner], attribute("integer")),
        packing.column(
            [date(2011, 1, 1) + timedelta(days=chance.randrange(1300)) for _ in owner],
            attribute("date"),
        ),
    ]
    place = [(84 + chance.random(), 44 + chance.random()) for _ in names]
    packed = packing.points([shapely.Point(place[i]).wkb for i in owner]).packed
    assert len(json.dumps([columns, packed], ensure_ascii=False).encode()) < 3 * 2**20


def test_common_borders_stay_common():
    """Simplified neighbours neither overlap nor leave a gap."""
    wave = [(84.5 + 0.001 * (i % 3), 44 + i / 500) for i in range(501)]
    left = shapely.Polygon([(84, 44), *wave, (84, 45)])
    right = shapely.Polygon([*wave, (85, 45), (85, 44)])
    packed = packing.areas([left.wkb, right.wkb]).packed
    assert len(packed["x"]) <= 2 * 505
    assert sum(packed["corners"]) == len(packed["x"])


def test_a_layer_of_polygons_takes_nothing_else():
    with pytest.raises(InvalidInputError, match="polygons"):
        packing.areas([shapely.Point(1, 2).wkb])
