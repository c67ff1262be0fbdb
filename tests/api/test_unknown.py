"""What does not exist is not found, wherever it is asked for: never an empty map or a mistake."""

from datetime import date

import cities
import factories
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database

DAY = "2024-06-30"
BY = {"by": "王芳"}


@pytest.fixture
def client(fresh_database, serve, tmp_path):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        cities.small(session)
        shop = factories.premises(session, licence="JY001", lng=84.005, lat=44.005)
        factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        session.commit()
    engine.dispose()
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        language="en",
    )
    return serve(create_app(settings))


MISSING = [
    "/maps/nothing",
    "/maps/proposal?proposal=999",
    "/maps/drawn_premises?draw=999",
    "/maps/coverage?zone=Z99",
    "/maps/unresolved_hazards?zone=Z99",
    "/maps/unresolved_hazards?zone=Z01,Z99",
    "/maps/zone_workload?zone=Z99",
    "/maps/inspector_load?zone=Z99",
    "/maps/inspection_calendar?inspector=Nobody",
    "/layers/nothing/items",
    "/layers/proposal_cells/items?proposal=999",
    "/layers/proposal_cells/items?to_zone=Z99",
    "/layers/drawn_premises/items?draw=999",
    "/layers/zones/items?zone=Z99",
    "/explain/cells/9-9",
    "/coverage/calendar?zone=Z99",
    "/coverage/calendar?inspector=P99",
    "/coverage/calendars/P99.ics",
    "/workload?zone=Z99",
    "/workload/cells/9-9/log",
    "/inspectors/P99",
    "/inspectors/P99/recusals",
    "/proposals/999",
    "/proposals/99999999999999999999",
    "/premises/NONE/responsible",
    "/draws/999",
    "/draws/99999999999999999999",
    "/draws/999/files/transcript.json",
    "/draw-results/999",
    "/days/2024-06-30/inspectors/P99",
]
NOT_CHANGED = [
    ("/proposals/999/accept", BY),
    ("/proposals/999/reject", BY | {"reason": "no"}),
    ("/proposals/999/withdraw", BY),
    ("/proposals/999/undo", BY),
    ("/proposals/99999999999999999999/accept", BY),
    ("/workload/cells/9-9", BY | {"hours": 1, "reason": "x"}),
    ("/workload/cells/9-9/undo", BY),
    ("/workload/cells/0-0/undo", BY | {"setting": 99999999999999999999}),
    ("/inspectors/P99/certificates", BY | {"skill": "catering", "first_day": DAY}),
    ("/inspectors/P99/certificates/end", BY | {"skill": "catering", "day": DAY}),
    ("/inspectors/P99/leave", BY | {"first_day": DAY, "last_day": DAY}),
    ("/inspectors/P99/leave/end", BY | {"day": DAY}),
    ("/inspectors/P99/return", BY | {"day": DAY}),
    ("/inspectors/P99/extension", BY | {"last_day": DAY}),
    ("/inspectors/P99/recusals", BY | {"licence": "JY001", "reason": "x", "first_day": DAY}),
    ("/inspectors/P1/recusals", BY | {"licence": "NONE", "reason": "x", "first_day": DAY}),
    ("/inspectors/P1/recusals/999/end", BY | {"day": DAY}),
    ("/inspectors/P1/recusals/99999999999999999999/end", BY | {"day": DAY}),
    ("/inspectors/P99/team/end", BY | {"day": DAY}),
    ("/teams", BY | {"lead": "P1", "assistant": "P99", "first_day": DAY}),
    ("/proposals", BY | {"kind": "move", "cells": ["9-9"], "zone": "Z01"}),
    ("/proposals", BY | {"kind": "move", "cells": ["0-0"], "zone": "Z99"}),
    ("/proposals", BY | {"kind": "repair", "pinned": ["9-9"]}),
    ("/proposals", BY | {"kind": "assignment", "responsible": {"Z99": "P1"}}),
    ("/proposals", BY | {"kind": "assignment", "responsible": {"Z01": "P99"}}),
    (
        "/proposals",
        BY | {"kind": "absence", "staff_number": "P99", "first": DAY, "last": "2099-01-01"},
    ),
    ("/draws/999/publication", BY),
    ("/do-not-disturb/999/end", BY | {"last_day": DAY}),
]
NO_VALUES = [
    "/maps/proposal?proposal=x",
    "/maps/proposal?proposal=-1",
    "/maps/proposal?proposal=99999999999999999999",
    "/maps/unresolved_hazards?severity=huge",
    "/coverage/months?unit=planet",
]
EXISTING = [
    "/maps/unresolved_hazards?zone=Z01",
    "/maps/inspection_calendar?inspector=Person 1",
    "/layers/zones/items?zone=Z01,Z02",
    "/layers/premises/items?zone=none",
    "/maps/proposal",
    "/maps/drawn_premises",
]


def test_what_does_not_exist_is_not_found(client):
    answers = {path: client.get(path) for path in MISSING}
    answers |= {f"{path} {body}": client.post(path, json=body) for path, body in NOT_CHANGED}
    problems = {
        asked: (answer.status_code, answer.text[:200])
        for asked, answer in answers.items()
        if answer.status_code != 404
        or answer.headers["content-type"] != "application/problem+json"
        or len(answer.json()["detail"]) < 10
    }
    assert problems == {}
    assert client.get("/maps/proposal?proposal=999").json()["detail"] == (
        "proposal: there is no 999"
    )


def test_what_is_no_value_is_refused_and_what_exists_is_shown(client):
    wanted = dict.fromkeys(NO_VALUES, 422) | dict.fromkeys(EXISTING, 200)
    assert {path: client.get(path).status_code for path in wanted} == wanted
