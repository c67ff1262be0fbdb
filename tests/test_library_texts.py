"""Sentences of pydantic and Typer in the reader's language, and what is not known left alone."""

from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from gis_supervision.domain.rule_errors import mistake_of
from gis_supervision.language import translator
from gis_supervision.library_texts import LIBRARIES, recognised
from gis_supervision.messages import Message, told

CHINESE = translator("zh_CN")


class Thing(BaseModel, extra="forbid"):
    name: str


WRONG = [
    (int, "x", "应为整数，所给文本无法识别为整数"),
    (int, 1.5, "应为整数，实际含小数"),
    (float, "x", "应为数字，所给文本无法识别为数字"),
    (bool, "x", "应为布尔值，无法识别所给的值"),
    (str, 3, "应为文本"),
    (Annotated[str, Field(min_length=1)], "\ud800", "应为文本，所给数据不是有效的 Unicode 文本"),
    (Literal[1, 2], 3, "应为 1 or 2"),
    (list[int], 3, "应为列表"),
    (Annotated[int, Field(ge=1)], 0, "应不小于 1"),
    (Annotated[int, Field(gt=1)], 0, "应大于 1"),
    (Annotated[int, Field(le=1)], 2, "应不大于 1"),
    (Annotated[float, Field(lt=1)], 2, "应小于 1"),
    (Annotated[str, Field(min_length=2)], "a", "应至少有 2 个字符"),
    (Annotated[str, Field(max_length=1)], "ab", "应最多有 1 个字符"),
    (Annotated[str, Field(pattern="^a$")], "b", "文本应符合模式 '^a$'"),
    (Annotated[list[int], Field(min_length=2)], [1], "List 应至少有 2 项，实际为 1 项"),
    (Literal["a", "b"], "c", "应为 'a' or 'b'"),
    (date, "x", "应为日期或日期时间：文本过短"),
    (date, "2014-13-01", "应为日期或日期时间：月应为 1 至 12"),
    (datetime, "2014-01-32T00:00", "应为日期时间或日期：日超出范围"),
    (Thing, {}, "此项必填"),
    (Thing, {"name": "a", "nam": "b"}, "不允许有此项"),
]


@pytest.mark.parametrize(("kind", "value", "chinese"), WRONG, ids=[row[2] for row in WRONG])
def test_pydantic(kind, value, chinese):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    (mistake,) = caught.value.errors()
    message = mistake_of(mistake)
    assert str(message) == mistake["msg"]
    assert message.translated(CHINESE) == chinese


def test_a_sentence_that_is_not_known_stays_english():
    text = "Something that no library said yet: 3 %"
    assert recognised(text) == text
    assert (
        told(recognised(f"Invalid value for '--x': {text}"), CHINESE) == f"'--x' 的值无效：{text}"
    )


@pytest.mark.parametrize(
    "text",
    ["Input should be a valid colour, not seen yet", "Input should be 'a' of some new kind"],
)
def test_what_should_be_given_is_told_only_where_it_is_a_list_of_values(text):
    assert recognised(text) == text


def test_a_known_sentence_is_the_same_in_english():
    for sentence in LIBRARIES:
        text = str(sentence.filled(**dict.fromkeys(sentence.values, "2")))
        found = recognised(text)
        assert isinstance(found, Message), text
        assert str(found) == text


def test_sentences_of_ones_own():
    rows = (Message("row %(row)s", row=""), Message("premises"))
    assert told(recognised("row 7", rows), CHINESE) == "第 7 行"
    assert recognised("row", rows) == "row"
