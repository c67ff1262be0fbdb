"""The check of the catalogue: every mistake at once, with file, key and what was meant."""

from pathlib import Path

import factories
import pytest
from sqlalchemy.orm import Session

from gis_supervision import catalogue
from gis_supervision.analysis.emerging import CATEGORIES
from gis_supervision.catalogue.colors import confusable
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import database

LAYER = """
title = { en = "Places", zh_CN = "地点" }
description = { en = "Places.", zh_CN = "地点。" }
audience = ["planner"]
key = "premises_id"
query = "SELECT p.premises_id, p.name, p.risk_class, p.geom FROM map.premises AS p"
geometry = { column = "geom", type = "point" }

[attributes.premises_id]
title = { en = "Number", zh_CN = "编号" }
type = "integer"
null = "never"

[attributes.name]
title = { en = "Name", zh_CN = "名称" }
type = "text"
null = "never"

[attributes.risk_class]
title = { en = "Class", zh_CN = "等级" }
type = "text"
null = { en = "none", zh_CN = "无" }
"""

MAP = """
title = { en = "Map", zh_CN = "图" }
description = { en = "A map.", zh_CN = "一张图。" }
audience = ["planner"]

[[layers]]
layer = "places"
"""


@pytest.fixture
def directory(tmp_path):
    """A planner's directory with one good layer and one good map."""
    write(tmp_path, "layers/places.toml", LAYER)
    write(tmp_path, "maps/places.toml", MAP)
    return tmp_path


def write(directory, name, text):
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def told(problems):
    """Problems as (file's name, key, message)."""
    return [(Path(problem.file).name, problem.key, str(problem.message)) for problem in problems]


def has(problems, file, key, *fragments):
    return any(
        name == file and place == key and all(fragment in message for fragment in fragments)
        for name, place, message in told(problems)
    )


def test_the_shipped_catalogue_has_no_mistakes(migrated):
    reader = database.reader_engine(migrated.reader_url)
    assert catalogue.check(engine=reader) == []
    reader.dispose()


def test_the_shipped_layers_and_maps_are_there():
    read = catalogue.load()
    assert {
        *("premises", "grid_cells", "zones", "coverage", "hazard_hotspots", "unresolved_hazards")
    } <= set(read.layers)
    assert {"unresolved_hazards", "coverage", "zone_workload"} <= set(read.maps)


def test_a_directory_adds_to_the_shipped_ones(directory):
    read = catalogue.load(directory)
    assert {"places", "premises"} <= set(read.layers)
    assert set(catalogue.load(directory, shipped=False).maps) == {"places"}


def test_a_name_may_not_stand_twice(directory):
    write(directory, "layers/premises.toml", LAYER)
    problems = catalogue.check(directory)
    assert [(p.key, "premises.toml has this name already" in str(p.message)) for p in problems] == [
        ("", True)
    ]


def test_a_directory_without_layers_and_maps_is_told(tmp_path):
    assert [str(p.message) for p in catalogue.check(tmp_path / "nowhere")] == [
        "expected a directory with layers/ or maps/ in it"
    ]


def test_every_mistake_is_told_at_once(directory):
    write(directory, "layers/broken.toml", "title = [")
    write(directory, "layers/Wrong-Name.toml", LAYER)
    write(
        directory,
        "layers/misspelt.toml",
        LAYER.replace("title = { en", "titel = { en", 1)
        .replace('type = "point"', 'type = "points"')
        .replace('type = "integer"', 'type = "intger"')
        .replace('audience = ["planner"]', 'audience = ["planer"]'),
    )
    write(
        directory,
        "layers/dangling.toml",
        LAYER.replace('"SELECT', '"SELECT :day AS day,').replace(
            'key = "premises_id"', 'key = "premise_id"\nlabel = ["nam"]'
        )
        + """
[[styles]]
attribute = "risk_class"
colors = ["#d7301f", "#1a9850"]

[filters.class]
type = "choice"
attribute = "riskclass"

[filters.limit]
type = "range"
attribute = "name"
""",
    )
    write(
        directory,
        "maps/dangling.toml",
        MAP.replace('"places"', '"place"')
        + """
[[lists]]
title = { en = "List", zh_CN = "表" }
layer = "plces"
columns = ["name"]

[totals]
layer = "places"
by = "risk_clas"
""",
    )
    problems = catalogue.check(directory)
    assert has(problems, "broken.toml", "", "TOML")
    assert has(problems, "Wrong-Name.toml", "", "small letters")
    assert has(problems, "misspelt.toml", "titel", "unknown key", "'title'")
    assert has(problems, "misspelt.toml", "title", "missing")
    assert has(problems, "misspelt.toml", "geometry.type", "'point'")
    assert has(problems, "misspelt.toml", "attributes.premises_id.type", "'integer'")
    assert has(problems, "misspelt.toml", "audience.0", "'planner'")
    assert has(problems, "dangling.toml", "query", ":day", "no declared parameter")
    assert has(problems, "dangling.toml", "key", "'premise_id'", "'premises_id'")
    assert has(problems, "dangling.toml", "label", "'nam'", "'name'")
    assert has(problems, "dangling.toml", "filters.class.attribute", "'risk_class'")
    assert has(problems, "dangling.toml", "filters.limit", "taken")
    assert has(problems, "dangling.toml", "filters.limit", "text", "range")
    assert has(problems, "dangling.toml", "styles.0", "may be missing", "no_data")
    assert has(problems, "dangling.toml", "layers.0.layer", "'place'", "'places'")
    assert has(problems, "dangling.toml", "lists.0.layer", "'plces'", "'places'")
    assert has(problems, "dangling.toml", "totals.by", "'risk_class'")
    assert problems == sorted(problems)
    with pytest.raises(InvalidInputError) as error:
        catalogue.load(directory)
    assert all(str(problem) in str(error.value) for problem in problems)


@pytest.mark.parametrize(
    ("query", "fragment"),
    [
        ("DELETE FROM map.premises", "expected one SELECT"),
        ("SELECT 1; SELECT 2", "semicolon"),
        ("SELECT ':not_a_parameter' AS name", None),
        ("SELECT p.name::text FROM map.premises AS p", None),
    ],
)
def test_a_query_is_one_select(directory, query, fragment):
    start = LAYER.index('query = "')
    end = LAYER.index("\n", start)
    write(directory, "layers/places.toml", LAYER[:start] + f'query = "{query}"' + LAYER[end:])
    messages = [str(p.message) for p in catalogue.check(directory) if p.key == "query"]
    assert messages == [] if fragment is None else any(fragment in text for text in messages)


@pytest.mark.parametrize(
    ("style", "fragment"),
    [
        ('breaks = [1, 2]\ncolors = ["#ffffff", "#777777"]', "2 breaks make 3 classes"),
        ('breaks = [2, 1]\ncolors = ["#ffffff", "#777777", "#000000"]', "ascending"),
        ('breaks = [1]\ncolors = ["#d7301f", "#8a7a20"]', "cannot be told apart"),
        ('colors = ["#ffffff"]', "missing"),
    ],
)
def test_classes_are_checked(directory, style, fragment):
    text = f'{LAYER}\n[[styles]]\nattribute = "premises_id"\n{style}\n'
    write(directory, "layers/places.toml", text)
    assert any(fragment in str(p.message) for p in catalogue.check(directory))


def test_colours_that_some_cannot_tell_apart():
    assert [pair[:2] for pair in confusable(["#d7301f", "#0072b2", "#8a7a20"])] == [(0, 2)]
    okabe_ito = ["#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00"]
    assert confusable(okabe_ito) == []
    assert confusable(["#101010", "#101010"])[0][3] == 0


LIES = [
    ("p.risk_class,", "p.risk_class, p.address,", "query", "address would leave undeclared"),
    ("p.risk_class,", "", "attributes.risk_class", "returns no column risk_class"),
    ("p.name,", "length(p.name) AS name,", "attributes.name.type", "returns integer"),
    ("p.geom", "ST_Transform(p.geom, 3857) AS geom", "geometry.srid", "returns 3857"),
    ('type = "point"', 'type = "polygon"', "geometry.type", "returns POINT"),
    ("p.geom", "p.name AS geom", "geometry.column", "no geometry"),
    ("p.name,", "(SELECT max(q.name) FROM premises AS q) AS name,", "query", "permission denied"),
    ("map.premises", "map.premisses", "query", "does not exist"),
    ("p.name,", "p.nme AS name,", "query", "p.nme"),
    ('{ en = "none", zh_CN = "无" }', '"never"', "attributes.risk_class.null", "so in 1 rows"),
]


def test_the_database_tells_what_a_layer_really_returns(directory, rows):
    assert catalogue.check(directory, engine=rows) == []
    for number, (old, new, _, _) in enumerate(LIES):
        assert old in LAYER
        write(directory, f"layers/lie_{number}.toml", LAYER.replace(old, new))
    problems = catalogue.check(directory, engine=rows)
    for number, (_, _, key, fragment) in enumerate(LIES):
        assert has(problems, f"lie_{number}.toml", key, fragment), told(problems)


@pytest.fixture
def rows(fresh_database):
    """The reader's engine on a database that holds one premises."""
    endpoint = fresh_database()
    owner = database.engine(endpoint.url)
    with Session(owner) as session, session.begin():
        factories.premises(session)
    owner.dispose()
    reader = database.reader_engine(endpoint.reader_url)
    yield reader
    reader.dispose()


def test_a_login_that_sees_more_than_schema_map_is_told(migrated):
    owner = database.engine(migrated.url)
    messages = [str(p) for p in catalogue.check(engine=owner)]
    owner.dispose()
    assert any("can read hazard;" in text for text in messages)


STEPS = """
title = { en = "Steps", zh_CN = "时段" }
description = { en = "Steps.", zh_CN = "时段。" }
audience = ["planner"]
key = "id"
query = '''
SELECT s.h3 || ' ' || s.period_end AS id, s.h3, s.period_end, s.bin, s.geom
FROM map.hotspot_step AS s
'''
geometry = { column = "geom", type = "polygon" }
time = { attribute = "period_end", of = "h3" }
stated = ["period_end"]

[attributes.id]
title = { en = "Row", zh_CN = "行" }
type = "text"
null = "never"

[attributes.h3]
title = { en = "Cell", zh_CN = "网格" }
type = "integer"
null = "never"

[attributes.period_end]
title = { en = "To", zh_CN = "至" }
type = "date"
null = "never"

[attributes.bin]
title = { en = "Bin", zh_CN = "级" }
type = "integer"
null = { en = "none", zh_CN = "无" }
values = [
    { value = 1, title = { en = "hot", zh_CN = "热" }, color = "#9e1b32" },
    { value = 2, title = { en = "hotter", zh_CN = "更热" }, color = "#9e1b33", pattern = "dots" },
]

[[styles]]
attribute = "bin"

[styles.no_data]
title = { en = "no data", zh_CN = "无数据" }
color = "#f4f2ec"
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "fragments"),
    [
        ('attribute = "period_end", of', 'attribute = "period_ed", of', "time.attribute",
         ["'period_ed' is no attribute", "did you mean 'period_end'"]),
        ('of = "h3"', 'of = "h4"', "time.of", ["'h4' is no attribute", "h3"]),
        ('of = "h3"', 'of = "id"', "time.of", ["id is the key of a row"]),
        ('of = "h3"', 'of = "bin"', "time.of", ["bin may be missing"]),
        ('attribute = "period_end", of', 'attribute = "h3", of', "time.attribute",
         ["h3 is integer: expected a date"]),
        ('of = "h3" }', 'off = "h3" }', "time.off", ["of"]),
        ('type = "polygon"', 'type = "point"', "time", ["points have no slider"]),
        ('stated = ["period_end"]', 'stated = ["periodend"]', "stated", ["period_end"]),
        ('pattern = "dots"', 'pattern = "dotted"', "attributes.bin.values.1.pattern", ["dots"]),
        (', pattern = "dots"', "", "styles.0", ["#9e1b32 and #9e1b33 cannot be told apart"]),
    ],
)  # fmt: skip
def test_mistakes_about_steps_and_patterns_are_told(tmp_path, old, new, key, fragments):
    write(tmp_path, "layers/steps.toml", STEPS)
    assert catalogue.check(tmp_path) == []
    assert old in STEPS
    write(tmp_path, "layers/steps.toml", STEPS.replace(old, new, 1))
    problems = catalogue.check(tmp_path)
    assert has(problems, "steps.toml", key, *fragments), told(problems)


def test_the_seventeen_categories_can_be_told_apart_by_everybody():
    layer = catalogue.load().layers["emerging_hotspots"]
    values = layer.attributes["category"].values
    assert {value.value for value in values} == set(CATEGORIES)
    for pattern in (None, "lines", "cross", "dots"):
        colors = [value.color for value in values if value.pattern == pattern]
        if pattern is None:
            colors += [look.color for style in layer.styles for look in style.special]
        assert len(colors) > 1
        assert confusable(colors) == []
    hot, cold = (
        {value.value: (value.color, value.pattern) for value in values if kind in value.value}
        for kind in ("hot", "cold")
    )
    # the same pattern of hot and cold has the same pattern on the map, and another colour
    for name, (color, pattern) in hot.items():
        other = cold[name.replace("hot", "cold")]
        assert other[1] == pattern
        assert confusable([color, other[0]]) == []
