"""What libraries say of wrong values, to be told in the reader's language.

Pydantic checks settings, rule packs, requests and arguments, Typer the command line; both speak
English only. A sentence that is known here is told as a message, any other as it is: where a new
version of a library says it differently, that one stays English until it is added.
"""

import re
from functools import cache

from gis_supervision.messages import Message

_PYDANTIC = (
    Message("Field required"),
    Message("Extra inputs are not permitted"),
    Message("Keys should be strings"),
    Message("Input should be a valid string"),
    Message("Input should be a valid string, unable to parse raw data as a unicode string"),
    Message("Input should be a valid boolean"),
    Message("Input should be a valid boolean, unable to interpret input"),
    Message("Input should be a valid integer"),
    Message("Input should be a valid integer, unable to parse string as an integer"),
    Message("Unable to parse input string as an integer, exceeded maximum size"),
    Message("Input should be a valid integer, got a number with a fractional part"),
    Message("Input should be a valid number"),
    Message("Input should be a valid number, unable to parse string as a number"),
    Message("Input should be a finite number"),
    Message("Input should be a valid dictionary"),
    Message("Input should be a valid dictionary or object to extract fields from"),
    Message("Input should be a valid dictionary or instance of %(kind)s", kind=""),
    Message("Input should be an object"),
    Message("Input should be a valid list"),
    Message("Input should be a valid array"),
    Message("Input should be a valid tuple"),
    Message("Input should be a valid date"),
    Message("Input should be a valid date in the format YYYY-MM-DD, %(mistake)s", mistake=""),
    Message("Input should be a valid date or datetime, %(mistake)s", mistake=""),
    Message("Datetimes provided to dates should have zero time - e.g. be exact dates"),
    Message("Input should be a valid time"),
    Message("Input should be in a valid time format, %(mistake)s", mistake=""),
    Message("Input should be a valid datetime"),
    Message("Input should be a valid datetime, %(mistake)s", mistake=""),
    Message("Input should be a valid datetime or date, %(mistake)s", mistake=""),
    Message("Input should have timezone info"),
    Message("Input should be a valid URL, %(mistake)s", mistake=""),
    Message("Input is not a valid path for %(kind)s", kind=""),
    Message("Input should be None"),
    Message("Input should be greater than or equal to %(least)s", least=""),
    Message("Input should be greater than %(least)s", least=""),
    Message("Input should be less than or equal to %(most)s", most=""),
    Message("Input should be less than %(most)s", most=""),
    Message("Input should be a multiple of %(step)s", step=""),
    Message("String should have at least %(least)s character", least=""),
    Message("String should have at least %(least)s characters", least=""),
    Message("String should have at most %(most)s character", most=""),
    Message("String should have at most %(most)s characters", most=""),
    Message("String should match pattern '%(pattern)s'", pattern=""),
    Message(
        "%(kind)s should have at least %(least)s item after validation, not %(found)s",
        kind="",
        least="",
        found="",
    ),
    Message(
        "%(kind)s should have at least %(least)s items after validation, not %(found)s",
        kind="",
        least="",
        found="",
    ),
    Message(
        "%(kind)s should have at most %(most)s item after validation, not %(found)s",
        kind="",
        most="",
        found="",
    ),
    Message(
        "%(kind)s should have at most %(most)s items after validation, not %(found)s",
        kind="",
        most="",
        found="",
    ),
    Message("Input should be %(allowed)s", allowed=""),
    Message("JSON decode error"),
    Message("Value error, %(mistake)s", mistake=""),
    # the ends of what it says of days and times
    Message("input is too short"),
    Message("input is too long"),
    Message("unexpected extra characters at the end of the input"),
    Message("invalid character in year"),
    Message("invalid character in month"),
    Message("invalid character in day"),
    Message("invalid character in hour"),
    Message("invalid date separator, expected `-`"),
    Message("month value is outside expected range of 1-12"),
    Message("day value is outside expected range"),
    Message("hour value is outside expected range of 0-23"),
    Message("minute value is outside expected range of 0-59"),
    Message("second value is outside expected range of 0-59"),
)
_TYPER = (
    Message("Missing option %(name)s. %(mistake)s", name="", mistake=""),
    Message("Missing option %(name)s.", name=""),
    Message("Missing argument %(name)s. %(mistake)s", name="", mistake=""),
    Message("Missing argument %(name)s.", name=""),
    Message("Choose from:\n\t%(choices)s", choices=""),
    Message("Missing command."),
    Message("Invalid value for %(name)s: %(mistake)s", name="", mistake=""),
    Message("Invalid value: %(mistake)s", mistake=""),
    Message("%(value)s is not one of %(choices)s.", value="", choices=""),
    Message("%(value)s does not match the formats %(formats)s.", value="", formats=""),
    Message("%(count)s values are required, but %(found)s given.", count="", found=""),
    Message("Value %(value)s is not a valid %(kind)s.", value="", kind=""),
    Message("File %(path)s does not exist.", path=""),
    Message("Directory %(path)s does not exist.", path=""),
    Message("Path %(path)s does not exist.", path=""),
    Message("File %(path)s is a directory.", path=""),
    Message("Directory %(path)s is a file.", path=""),
    Message("File %(path)s is not readable.", path=""),
    Message("Directory %(path)s is not readable.", path=""),
    Message("Path %(path)s is not readable.", path=""),
    Message("File %(path)s is not writable.", path=""),
    Message("Directory %(path)s is not writable.", path=""),
    Message("Path %(path)s is not writable.", path=""),
    Message("No such option: %(name)s (Possible options: %(names)s)", name="", names=""),
    Message("No such option: %(name)s", name=""),
    Message("No such command %(name)s. Did you mean %(names)s?", name="", names=""),
    Message("No such command %(name)s.", name=""),
    Message("Option %(name)s does not take a value.", name=""),
    Message("Option %(name)s requires an argument.", name=""),
    Message("Option %(name)s requires %(count)s arguments.", name="", count=""),
    Message("Argument %(name)s takes %(count)s values.", name="", count=""),
    Message("Got unexpected extra argument(s) (%(values)s)", values=""),
)


_PLACEHOLDER = re.compile(r"%\\\((\w+)\\\)s")
_NUMBER = r"[0-9.]+"
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|-?[0-9.]+|None|True|False)"
_PARTICULAR = {
    **dict.fromkeys(("count", "parts", "area", "compactness"), _NUMBER),
    "allowed": rf"{_VALUE}(?:(?:, | or ){_VALUE})*",
}
"""Placeholders that stand for a number or for values; any other stands for any text."""

LIBRARIES = (*_PYDANTIC, *_TYPER)


def recognised(text: str, sentences: tuple[Message, ...] = LIBRARIES) -> Message | str:
    """Return a sentence that is known as a message.

    Parameters
    ----------
    text
        What a library says, or what was kept as a text, in English.
    sentences
        Those that are known, the more particular first; their values do not matter.

    Returns
    -------
    Message or str
        Its English is the text; the text itself where the sentence is not known.
    """
    for pattern, message in _patterns(sentences):
        match = pattern.fullmatch(text)
        if match is not None:
            values: dict[str, object] = dict(match.groupdict())
            if "mistake" in values:
                values["mistake"] = recognised(match["mistake"], sentences)
            return message.filled(**values)
    return text


@cache
def _patterns(sentences: tuple[Message, ...]) -> list[tuple[re.Pattern[str], Message]]:
    return [
        (re.compile(_PLACEHOLDER.sub(_group, re.escape(message.template)), re.DOTALL), message)
        for message in sentences
    ]


def _group(placeholder: re.Match[str]) -> str:
    name = placeholder[1]
    return rf"(?P<{name}>{_PARTICULAR.get(name, '.+?')})"
