"""Errors and messages: English as text, any language where they are shown."""

import gettext
import pickle
import re

import pytest

from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.language import Translator, translator
from gis_supervision.messages import Message, joined, told


class Shouting(gettext.NullTranslations):
    """A language whose texts are those of English in capitals, placeholders left alone."""

    def gettext(self, message):
        return re.sub(r"(%\(\w+\)\w)|([a-z]+)", lambda m: m[1] or m[2].upper(), message)


SHOUTED = Translator("zh_CN", Shouting())


def test_an_error_is_english_as_text_and_any_language_when_asked():
    error = InvalidInputError("seed: expected 0 to %(most)s, got %(got)r", most=9, got="x")
    assert str(error) == "seed: expected 0 to 9, got 'x'"
    assert error.args == (str(error),)
    assert error.translated(SHOUTED) == "SEED: EXPECTED 0 TO 9, GOT 'x'"


def test_per_cent_and_braces_stay_what_they_are():
    assert str(InvalidInputError("100 % of {them}")) == "100 % of {them}"
    assert InvalidInputError("100 % of {them}").translated(SHOUTED) == "100 % OF {THEM}"
    error = InvalidInputError("%(share)s %% of %(what)s", share=3, what="%(x)s {y} %")
    assert str(error) == "3 % of %(x)s {y} %"
    assert error.translated(SHOUTED) == "3 % OF %(x)s {y} %"


def test_what_is_told_inside_is_translated_too():
    inner = ConflictError("cell %(code)s is taken", code="c1")
    for value in (inner, inner.message, ValueError(inner.message)):
        error = InvalidInputError("row %(row)s: %(error)s", row=3, error=value)
        assert str(error) == "row 3: cell c1 is taken"
        assert error.translated(SHOUTED) == "ROW 3: CELL c1 IS TAKEN"
    foreign = InvalidInputError("file: %(error)s", error=OSError("no such file"))
    assert foreign.translated(SHOUTED) == "FILE: no such file"


def test_parts_are_translated_one_by_one():
    parts = [Message("row %(row)s is wrong", row=row) for row in (1, 2)]
    error = InvalidInputError.told(*parts, "as it is")
    assert str(error) == "row 1 is wrong\nrow 2 is wrong\nas it is"
    assert error.translated(SHOUTED) == "ROW 1 IS WRONG\nROW 2 IS WRONG\nas it is"
    chinese = translator("zh_CN")
    assert joined(["a", "b"], "; ").translated(chinese) == "a；b"
    assert joined(["a", "b"], "").translated(chinese) == "ab"
    assert told(3, chinese) == 3


@pytest.mark.parametrize(
    "error",
    [
        InvalidInputError("row %(row)s: %(error)s", row=3, error=OSError("gone")),
        InvalidInputError.told(Message("cell %(code)s", code="c1"), "as it is"),
        ConflictError("nothing to fill in: 100 %"),
    ],
)
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this test's own making
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.translated(SHOUTED) == error.translated(SHOUTED)


def test_an_error_keeps_no_frames_of_another_alive():
    cause = OSError("gone")
    error = InvalidInputError("%(path)s: %(error)s", path="x", error=cause)
    assert cause not in error.message.values.values()
    assert error.message.values["error"] == "gone"
