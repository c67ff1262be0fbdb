"""The register as partitions: complete, of one state, and never half-written."""

from datetime import date

import factories
import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import analyses, database, partition_export, partition_rows
from gis_supervision.storage.partition_files import MANIFEST, open_dataset, zones
from gis_supervision.storage.tables import Premises, RegistryVersion


def read(path):
    return [
        premises
        for piece in open_dataset(path).pieces
        for premises in partition_rows.premises(piece, 100, identified=True)
    ]


@pytest.fixture
def town(session):
    cell = factories.grid_cell(session, factories.grid(session), geom=factories.square(side=0.02))
    factories.zone_cell(session, factories.zone(session), cell)
    for number in range(7):
        of = factories.premises(session, lng=84.001 + number / 300, category='餐饮, "酒"')
        for month in range(1, number + 1):
            visit = factories.inspection(session, of, inspected_on=date(2024, month, 1))
            factories.hazard(session, visit, item=str(month))
    factories.premises(session, lng=None)
    return cell


def test_everything_is_written_and_the_manifest_tells_of_it(session, town, tmp_path):
    told = []
    manifest = partition_export.write(
        session, tmp_path / "set", partition_rows=3, advance=told.append
    )
    assert told == [3, 6, 8]
    assert manifest.files == {f"part-{n:06d}.parquet": rows for n, rows in enumerate((3, 3, 2))}
    assert manifest.register_version == session.scalars(select(RegistryVersion.version)).one()
    assert open_dataset(tmp_path / "set").manifest == manifest
    batches = read(tmp_path / "set")
    ids = [number for batch in batches for number in batch.frame["premises_id"]]
    stored = session.scalars(select(Premises).order_by(Premises.id)).all()
    assert ids == [one.id for one in stored]
    assert [n for b in batches for n in b.inspections] == [*range(7), 0]
    assert [n for b in batches for n in b.hazards] == [*range(7), 0]
    assert {name for b in batches for name in b.frame["category"]} == {None, '餐饮, "酒"'}
    exact = session.execute(
        select(func.st_x(Premises.geom), func.st_y(Premises.geom)).order_by(Premises.id)
    ).all()
    lng, lat = (np.concatenate([getattr(b, axis) for b in batches]) for axis in ("lng", "lat"))
    assert list(zip(lng[:-1], lat[:-1], strict=True)) == [tuple(row) for row in exact[:-1]]
    assert np.isnan(lng[-1])
    cells, _ = zones(tmp_path / "set", date(2024, 6, 1))
    assert cells.tolist() == [town.id]


def test_an_empty_register_is_a_dataset_without_partitions(session, tmp_path):
    assert partition_export.write(session, tmp_path / "set").files == {}
    assert open_dataset(tmp_path / "set").rows == 0


@pytest.mark.usefixtures("town")
def test_nothing_is_left_of_an_export_that_fails(session, tmp_path):
    def fail(done):
        raise OSError(f"disk full after {done}")

    with pytest.raises(OSError, match="disk full after 3"):
        partition_export.write(session, tmp_path / "set", partition_rows=3, advance=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("town")
def test_nothing_is_overwritten(session, tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    partition_export.write(session, place)
    assert (place / MANIFEST).exists()
    with pytest.raises(ConflictError, match="is there already"):
        partition_export.write(session, place)
    with pytest.raises(NotFoundError, match="no such directory"):
        partition_export.write(session, tmp_path / "no" / "set")
    with pytest.raises(InvalidInputError, match="partition_rows 0"):
        partition_export.write(session, tmp_path / "new", partition_rows=0)


def test_two_exports_to_one_place_leave_one_whole(session, town, tmp_path):
    place = tmp_path / "set"

    def overtake(done):
        if done == 8:
            partition_export.write(session, place, partition_rows=2)

    with pytest.raises(ConflictError, match="somebody else wrote it meanwhile"):
        partition_export.write(session, place, partition_rows=8, advance=overtake)
    assert len(open_dataset(place).pieces) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert town.id


def test_partitions_are_of_one_state_while_others_write(fresh_database, tmp_path):
    engine = database.engine(fresh_database().url)
    with Session(engine) as session, session.begin():
        for number in range(6):
            factories.premises(session, licence=f"OLD{number}")

    def another(_done):
        with Session(engine) as session, session.begin():
            factories.premises(session)

    one_state = engine.execution_options(isolation_level="REPEATABLE READ")
    with database.session_scope(one_state) as session:
        manifest = partition_export.write(
            session, tmp_path / "set", partition_rows=2, advance=another
        )
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Premises)) == 9
        assert analyses.registry_version(session) > manifest.register_version
    engine.dispose()
    assert open_dataset(tmp_path / "set").rows == 6
