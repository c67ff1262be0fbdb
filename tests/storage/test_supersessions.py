"""Why a proposal ended by another one: kept in English, told in the reader's language."""

import pytest

from gis_supervision.language import translator
from gis_supervision.messages import told
from gis_supervision.storage import supersessions

CHINESE = translator("zh_CN")
SEVEN = [f"0-{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("what", "english", "chinese"),
    [
        ({"cells": ["0-0", "0-1"]}, "cells 0-0, 0-1", "网格 0-0, 0-1"),
        (
            {"cells": SEVEN},
            "cells 0-0, 0-1, 0-2, 0-3, 0-4 and 2 more",
            "网格 0-0, 0-1, 0-2, 0-3, 0-4 等，另有 2 个",
        ),
        (
            {"cells": SEVEN[:1], "zones": SEVEN[:6], "absent": "P1"},
            "cells 0-0 and zones 0-0, 0-1, 0-2, 0-3, 0-4 and 1 more and the absence of P1",
            "网格 0-0以及片区 0-0, 0-1, 0-2, 0-3, 0-4 等，另有 1 个以及P1 的缺勤",
        ),
        ({"zones": ["Z01"]}, "zones Z01", "片区 Z01"),
        ({"absent": "P1"}, "the absence of P1", "P1 的缺勤"),
    ],
)
def test_what_is_kept_is_told_again(what, english, chinese):
    text = str(supersessions.reason(29, "Bo and Cy", **what))
    assert text == (f"by proposal 29, which Bo and Cy accepted and which changes {english}")
    found = supersessions.kept(text)
    assert str(found) == text
    assert told(found, CHINESE) == f"因 Bo and Cy 采纳了方案 29，其变更涉及{chinese}"


@pytest.mark.parametrize("text", [None, "", "the street belongs to Z02", "by proposal"])
def test_what_people_gave_as_a_reason_stays(text):
    assert supersessions.kept(text) == text
