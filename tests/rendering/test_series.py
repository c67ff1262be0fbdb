"""Layers of steps as they are packed into a file."""

from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_supervision.rendering import series
from gis_supervision.storage.layers import Rows

DAYS = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]


def layer(types):
    attributes = {
        name: SimpleNamespace(type=type_, decimals=0, format="plain")
        for name, type_ in types.items()
    }
    return SimpleNamespace(
        name="steps",
        time=SimpleNamespace(attribute="day", of="cell"),
        attributes=attributes,
    )


STEPS = layer({"day": "date", "cell": "text", "name": "text", "due": "integer"})


def test_what_never_changes_stands_once_and_the_rest_step_by_step():
    found = Rows(
        {
            "day": [DAYS[1], DAYS[0], DAYS[1], DAYS[0]],
            "cell": ["b", "a", "a", "b"],
            "name": ["B", "A", "A", "B"],
            "due": [4, 1, 2, 3],
        },
        [b"of b", b"of a", None, None],
    )
    made = series.arrange(STEPS, found, ["cell", "name", "due", "day"])
    assert made.count == 2
    assert made.days == DAYS[:2]
    assert made.fixed == {"cell": ["b", "a"], "name": ["B", "A"]}
    assert made.varying == {"due": [3, 1, 4, 2]}
    assert made.present is None
    assert made.geometries == [b"of b", b"of a"]


def test_a_missing_row_is_not_a_missing_value():
    found = Rows(
        {"day": [DAYS[0], DAYS[1], DAYS[2]], "cell": ["a", "b", "a"], "due": [None, 0, 7]}, []
    )
    made = series.arrange(STEPS, found, ["cell", "due"])
    assert made.varying == {"due": [None, None, None, 0, 7, None]}
    assert made.present == [1, 0, 0, 1, 1, 0]
    assert made.geometries == []
    packed = series.packed(STEPS, made)
    assert packed["present"] == [0, 1, 2, 2, 1]
    assert packed["days"] == [19753, 19782, 19813]
    assert packed["series"] == {"due": {"n": [None, None, None, 0, 7, None]}}


def test_nothing_is_nothing():
    made = series.arrange(STEPS, Rows({"day": [], "cell": [], "due": []}, []), ["cell", "due"])
    assert (made.count, made.days, made.present) == (0, [], None)
    assert series.packed(STEPS, made)["days"] == []
    assert series.last(STEPS, Rows({"day": [], "due": []}, [])) == []


def test_the_last_step_is_that_of_the_newest_day():
    found = Rows({"day": [DAYS[0], DAYS[2], DAYS[1], DAYS[2]], "due": [1, 2, 3, 4]}, [])
    assert series.last(STEPS, found) == [1, 3]
    flat = SimpleNamespace(time=None)
    assert series.last(flat, Rows({"due": [5, 6]}, [])) == [0, 1]


def test_a_layer_without_steps_is_refused():
    with pytest.raises(ValueError, match="has no time"):
        series.arrange(SimpleNamespace(name="flat", time=None), Rows({}, []), [])


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 2)), st.none() | st.integers(0, 9), max_size=18
    ),
    st.randoms(),
)
def test_every_value_is_found_again(values, random):
    keys = list(values)
    random.shuffle(keys)
    found = Rows(
        {
            "day": [DAYS[step] for _, step in keys],
            "cell": [str(cell) for cell, _ in keys],
            "due": [values[key] for key in keys],
        },
        [],
    )
    made = series.arrange(STEPS, found, ["cell", "due"])
    again = {}
    for step, day in enumerate(made.days):
        for place, cell in enumerate(made.fixed["cell"]):
            at = step * made.count + place
            if made.present is None or made.present[at]:
                due = made.varying["due"][at] if made.varying else made.fixed["due"][place]
                again[int(cell), DAYS.index(day)] = due
    assert again == values
