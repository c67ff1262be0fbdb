"""Errors over HTTP in the language of the request, for programs and for browsers."""

import pytest

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def language():
    return "zh_CN"


@pytest.fixture
def client(migrated, serve, tmp_path, language):
    return serve(
        create_app(
            Settings(
                home=tmp_path,
                database_url=migrated.url,
                reader_database_url=migrated.reader_url,
                language=language,
            )
        )
    )


WRONG = [
    ("/maps/nothing", 404, "map 'nothing' does not exist; ", "没有地图 'nothing'；"),
    ("/draw-results/9", 404, "there is no draw '9'", "没有抽取 '9'"),
    ("/coverage/gaps?as_off=1", 422, "parameter 'as_off' is not known (did you mean 'as_of'?)",
     "没有参数 'as_off'（是否指 'as_of'？）"),
    ("/coverage/gaps?limit=x", 422, "limit: Input should be a valid integer", "limit：应为整数"),
    ("/layers/premises/items?limit=0&bbox=1", 422, "limit: Input should", "limit：应不小于 1"),
    ("/nowhere", 404, "Not Found", "没有这个地址"),
]  # fmt: skip


def test_the_language_is_that_of_the_request_else_of_the_settings(client):
    for path, status, english, chinese in WRONG:
        also = "&" if "?" in path else "?"
        for asked, tag, text in (
            (path, "zh-CN", chinese),
            (f"{path}{also}language=zh_CN", "zh-CN", chinese),
            (f"{path}{also}language=en", "en", english),
        ):
            answer = client.get(asked)
            assert answer.status_code == status, asked
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["content-language"] == tag
            assert text in answer.json()["detail"], asked


def test_every_mistake_of_a_request_is_translated(client):
    answer = client.get("/coverage/gaps?limit=x&language=zh_CN").json()
    assert answer["errors"] == [
        {"parameter": "limit", "expected": "应为整数，所给文本无法识别为整数"}
    ]
    sent = client.post("/draws?language=zh_CN", json={"name": "x"}).json()
    assert {one["expected"] for one in sent["errors"]} == {"此项必填"}
    form = client.post("/draws?language=zh_CN", data={"name": "x"})
    assert "请求体应为 application/json" in form.json()["detail"]


def test_browsers_get_a_page(client):
    for path, heading, detail, lang in (
        ("/maps/%3Cb%3E", "未找到", "没有地图 &#39;&lt;b&gt;&#39;；", "zh-CN"),
        ("/maps/%3Cb%3E?language=en", "Not found", "map &#39;&lt;b&gt;&#39; does not exist", "en"),
        ("/coverage/gaps?limit=x", "请求有误", "limit：应为整数", "zh-CN"),
    ):
        answer = client.get(path, headers=BROWSER)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.status_code in (404, 422)
        assert f'<html lang="{lang}">' in answer.text
        assert f"<h1>{heading}</h1>" in answer.text
        assert detail in answer.text
        assert "<b>" not in answer.text
