import pytest

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing import mapping

GOOD = """
name = "x"
datum = "gcj02"
[sources.a.premises]
licence = "L"
name = "N"
"""


def test_all_mistakes_are_told_at_once_with_the_nearest_name():
    wrong = """
name = "x"
[sources.a]
fil = "x"
[sources.a.premises]
licence = { colum = "L" }
nam = "N"
lat = "Y"
[sources.a.inspection]
inspection_number = { column = "a", constant = 1 }
inspected_on = { column = "d", pattern = "(" }
[sources.a.finding]
item = "v"
severity_rules = [{ items = "1-x", severity = "critical" }, { items = "1", severity = "critcal" }]
"""
    with pytest.raises(InvalidInputError) as caught:
        mapping.parse(wrong, origin="a.toml")
    text = str(caught.value)
    for part in (
        "a.toml",
        "sources.a.fil: unknown key (did you mean 'file'?)",
        "premises.licence.colum: unknown key (did you mean 'column'?)",
        "premises.nam: unknown key (did you mean 'name'?)",
        "inspection.inspection_number: expected exactly one of column, columns and constant",
        "inspected_on.pattern: not a regular expression",
        "not a number or range such as 1-14: '1-x'",
        "found 'critcal'",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('name = "x"\nname = "y"', "not TOML"),
        (GOOD.replace("gcj02", "gcj03"), "did you mean GCJ-02"),
        (GOOD.replace('name = "N"', ""), "premises.name: missing"),
        (GOOD + 'lat = "Y"\n', "lat and lng go together"),
        (GOOD + 'lat = "Y"\nlng = "X"\ngeometry = true\n', "expected one of lat and lng"),
        (GOOD + 'address = { column = "A", split = ";" }\n', "only finding.item"),
        ('name = "x"\n[sources.a]\nfile = "x"', "expected at least one of"),
        ('name = "x"\n[sources.a.finding]\nitem = "v"', "inspection_number is needed"),
        (
            'name = "x"\n[sources.a.inspection]\ninspection_number = "v"\ninspected_on = "d"',
            "licence is needed",
        ),
    ],
)
def test_mistakes(change, message):
    with pytest.raises(InvalidInputError, match=message):
        mapping.parse(change)


def test_a_file_that_is_not_there():
    with pytest.raises(NotFoundError, match=r"no mapping file .*nowhere\.toml"):
        mapping.load(mapping.Path("nowhere.toml"))


def test_datums_have_one_name():
    assert mapping.parse(GOOD).datum == "GCJ-02"
