from datetime import date
from pathlib import Path

import factories
import pytest

from gis_supervision.analysis import explain, run
from gis_supervision.domain import h3_index
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import explanations

DAY = date(2024, 6, 30)


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml")


@pytest.fixture
def street(session):
    """Premises on a line whose hazards grow eastwards; the last cell has too few premises."""
    cell = factories.grid_cell(
        session, factories.grid(session), code="654202001001001", geom=factories.square(side=0.02)
    )
    zone = factories.zone(session)
    factories.zone_cell(session, zone, cell)
    factories.assignment(session, zone, factories.inspector(session, name="王检查"))
    cells = []
    for place in range(13):
        lng, lat = 84.001 + 0.006 * place, 44.001
        of = {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}
        for _ in range(1 if place == 12 else 6):
            premises = factories.premises(session, lng=lng, lat=lat, risk_class="High", **of)
            visit = factories.inspection(session, premises, inspected_on=date(2024, 1, 1))
            for item in range(place // 2):
                factories.hazard(session, visit, item=str(item))
        cells.append(of["h3_8"])
    return list(dict.fromkeys(cells))


def test_an_h3_cell_is_explained_by_numbers_that_give_what_is_stored(session, rules, street):
    stored = run.hotspots(session, DAY)
    table = explanations.metrics(session, stored.id, "h3")
    by_cell = {row["unit_id"]: row for row in table.iter_rows(named=True)}
    for index in table["unit_id"].to_list():
        found = explain.cell(session, rules, f"{index:x}", DAY)
        row = by_cell[index]
        assert found.origin.run_id == stored.id
        assert (found.premises, found.hazards) == (row["premises"], row["hazards"])
        assert (found.rate, found.shrunk_rate) == (row["rate"], row["shrunk_rate"])
        assert (found.z, found.p, found.bin) == (row["z"], row["p"], row["bin"])
        if found.rate is None:
            assert found.premises < stored.parameters["minimum_premises"]
            assert found.z is None
            continue
        own = found.weight_of_own_rate
        assert own * found.rate + (1 - own) * found.overall_rate == pytest.approx(
            row["shrunk_rate"]
        )
        # Ord and Getis 1995, binary weights with the cell itself
        n, k = found.cells_with_data, found.local_cells
        spread = found.standard_deviation * ((n * k - k * k) / (n - 1)) ** 0.5
        assert (found.local_sum - found.expected_sum) / spread == pytest.approx(row["z"])
        beside = [int(one.cell, 16) for one in found.neighbours]
        assert all(by_cell[one]["premises"] > 0 for one in beside)
        known = [one.shrunk_rate for one in found.neighbours if one.shrunk_rate is not None]
        assert sum(known) + found.shrunk_rate == pytest.approx(found.local_sum)
    assert len(by_cell) == len(street)
    assert any(row["rate"] is None for row in by_cell.values())


def test_other_resolutions_are_made_when_they_are_asked_for(session, rules, street):
    assert street
    nine = int(h3_index.cells_of([44.001], [84.001], 9)[0])
    found = explain.cell(session, rules, f"{nine:x}", DAY)
    assert (found.resolution, found.origin.parameters["resolution"]) == (9, 9)
    assert found.premises > 0


@pytest.mark.usefixtures("street")
def test_a_grid_cell_is_explained_by_its_counts_and_who_is_responsible(session, rules):
    found = explain.cell(session, rules, "654202001001001", DAY)
    assert found.counts["premises"] == found.counts["due"] > 0
    assert found.counts["in_time"] + found.counts["overdue"] == found.counts["due"]
    assert found.responsible["inspector"] == "王检查"
    assert found.origin.parameters["rules"] == rules.reference


@pytest.mark.usefixtures("street")
def test_what_is_no_cell_is_refused(session, rules):
    empty = int(h3_index.cells_of([10.0], [10.0], 8)[0])
    with pytest.raises(NotFoundError, match="no located premises"):
        explain.cell(session, rules, f"{empty:x}", DAY)
    for name in ("88", "zzzzzzzzzzzzzzz", "654202001001999"):
        with pytest.raises(NotFoundError, match=name):
            explain.cell(session, rules, name, DAY)
    with pytest.raises(InvalidInputError, match="expected an H3 index"):
        explain.cell(session, rules, " ", DAY)
    coarse = int(h3_index.cells_of([44.001], [84.001], 3)[0])
    with pytest.raises(InvalidInputError, match="resolution 3"):
        explain.cell(session, rules, f"{coarse:x}", DAY)
