"""The pages of people: inspectors of a day, and who was responsible; in both languages."""

from datetime import date, timedelta

import cities
import factories
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database
from gis_supervision.storage.tables import Inspector, Premises

DAY = date(2024, 6, 30)


@pytest.fixture
def client(fresh_database, serve, tmp_path):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        cities.small(session)
        one, two = session.scalars(
            select(Inspector).where(Inspector.staff_number.in_(["P1", "P2"])).order_by(Inspector.id)
        )
        one.name, one.home = "<b>阿依古丽", "SRID=4326;POINT(84.6789 44.4321)"
        shop = session.scalars(select(Premises).where(Premises.licence == "L0-1-0")).one()
        factories.inspection(session, shop, inspected_on=DAY)
        factories.recusal(session, one, shop, valid=factories.Range(DAY, None))
        factories.skill(session, two, valid=factories.Range(None, DAY + timedelta(days=5)))
        factories.leave(session, two, DAY, DAY + timedelta(days=2), reason="sick")
        session.commit()
    engine.dispose()
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        language="en",
    )
    return serve(create_app(settings))


def test_the_inspectors_of_a_day_are_shown_without_anything_private(client):
    page = client.get("/people", params={"as_of": DAY.isoformat()})
    assert page.status_code == 200
    for text in ("&lt;b&gt;阿依古丽", "P1", "Z01", "catering", "2024-07-04"):
        assert text in page.text, text
    for text in ("<b>阿依", "84.67", "44.43", "sick"):
        assert text not in page.text, text
    assert "检查人员" in client.get("/people?language=zh_CN").text
    assert client.get("/people?as_of=2024-02-30").status_code == 422
    assert "/people" in client.get("/").text


def test_who_was_responsible_is_asked_and_told(client):
    assert "<form" in client.get("/responsible").text
    on = {"licence": "L0-1-0", "on": "2024-07-05", "language": "zh_CN"}
    told = client.get("/responsible", params=on).text
    assert "&lt;b&gt;阿依古丽 须回避" in told
    assert "L0-1-0" in told
    over_time = client.get("/responsible", params={"licence": " L0-1-0 ", "on": ""}).text
    assert over_time.count("<tr>") > 2
    assert "licence=L0-1-0" in over_time, "the other language keeps the question"
    before = client.get("/responsible", params={"licence": "L0-1-0", "on": "1999-01-01"}).text
    assert "Nothing is known of that day" in before
    assert client.get("/responsible?licence=nothing").status_code == 404
    assert client.get("/responsible?licence=L0-1-0&on=x").status_code == 422
