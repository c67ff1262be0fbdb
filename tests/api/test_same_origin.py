"""Who may change something over HTTP: programs, and pages of the service itself."""

from typing import Annotated

import pytest
from fastapi import Body, Depends, FastAPI

from gis_supervision.api import errors
from gis_supervision.api.dependencies import same_origin


@pytest.fixture
def client(serve):
    app = FastAPI()
    errors.install(app)

    @app.post("/change", dependencies=[Depends(same_origin)])
    def change(by: Annotated[str, Body(embed=True)]) -> str:
        return by

    return serve(app)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json; charset=utf-8"},
        {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
        {"origin": "https://office.example", "host": "office.example"},
    ],
)
def test_programs_and_pages_of_the_service_may(client, headers):
    answer = client.post("/change", json={"by": "Ma Li"}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, "Ma Li")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_may_not(client, headers):
    answer = client.post("/change", json={"by": "Ma Li"}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(client, media_type):
    answer = client.post("/change", content='{"by": "x"}', headers={"content-type": media_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
