"""Map reports as readers meet them: in a real browser, with the network off."""

import re

import pytest
from sqlalchemy import func, select

from gis_supervision.storage.proposal_tables import ProposalCase

MAPS = (
    "unresolved_hazards",
    "coverage",
    "zone_workload",
    "coverage_months",
    "hotspot_steps",
    "emerging_hotspots",
    "proposal",
)
TITLES = {
    ("proposal", "en"): "Proposal: before and after",
    ("proposal", "zh_CN"): "调整方案前后对照",
    ("unresolved_hazards", "en"): "Unresolved hazards",
    ("unresolved_hazards", "zh_CN"): "未整改隐患一张图",
    ("coverage", "en"): "Inspection coverage",
    ("coverage", "zh_CN"): "检查覆盖一张图",
    ("coverage_months", "en"): "Inspection coverage by month",
    ("coverage_months", "zh_CN"): "逐月检查覆盖一张图",
    ("hotspot_steps", "en"): "Hotspots over time",
    ("hotspot_steps", "zh_CN"): "热点时序一张图",
    ("emerging_hotspots", "en"): "Emerging hot spots",
    ("emerging_hotspots", "zh_CN"): "新兴热点一张图",
    ("zone_workload", "en"): "Workload of zones",
    ("zone_workload", "zh_CN"): "片区工作量一张图",
}
POPUP = ".leaflet-popup-content"


def number(text):
    return int(re.sub(r"\D", "", text))


def shown(page):
    return int(page.get_attribute("#shown", "data-shown"))


def drawn(page):
    """Features in the markers on the screen, by what the markers say."""
    labels = page.eval_on_selector_all(
        ".leaflet-marker-icon[aria-label]", "all => all.map(one => one.ariaLabel)"
    )
    return sum(number(re.search(r" ([\d,]+):", label)[1]) for label in labels)


def choose_zone(page, code):
    option = page.locator("#filter-zone option", has_text=re.compile(f"^{code} "))
    page.select_option("#filter-zone select", option.get_attribute("value"))


def located_row(page):
    """A row of the first list whose feature has a place: premises 57 to 59 have none."""
    return page.locator("#list-0 tbody tr").filter(has_not_text=re.compile("饭馆 5[789]")).first


def row_figures(row):
    return [number(cell) for cell in row.locator("td").all_inner_texts()]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("name", MAPS)
def test_every_map_opens_with_no_network(built, opened, name, language):
    path = built(name, language)
    page = opened(path)
    assert path.stat().st_size < 8 * 2**20
    assert page.inner_text("h1") == TITLES[name, language] == page.title()
    assert page.get_attribute("html", "lang") == language.replace("_", "-")
    assert "2024-06-30" in page.inner_text("#parameter-as_of")
    assert page.locator(".leaflet-overlay-pane canvas").count() == 1
    assert page.locator("#loading").count() == 0
    assert page.locator("#list-0 tbody tr").count() > 0


def test_the_legend_has_the_totals_of_the_register(built, opened, register):
    page = opened(built("unresolved_hazards"))
    for severity in ("critical", "serious", "minor", "unclassified"):
        own = f"h.severity = '{severity}'"
        assert row_figures(page.locator(f".totals tr[data-value={severity}]")) == [
            register.count(f"{own} AND p.geom IS NOT NULL"),
            register.count(f"{own} AND p.geom IS NULL"),
            register.count(own),
        ]
    assert row_figures(page.locator(".totals tfoot tr")) == [285, 15, 300]
    assert shown(page) == 300
    assert drawn(page) == 285


def test_filters_change_markers_counts_and_list(built, opened, register):
    page = opened(built("unresolved_hazards"))
    page.uncheck("[data-filter=severity][data-value=minor]")
    expected = register.count("h.severity <> 'minor'")
    assert shown(page) == expected
    assert drawn(page) == register.count("h.severity <> 'minor' AND p.geom IS NOT NULL")
    for band in (0, 1, 2, 3):
        page.uncheck(f"[data-filter=age][data-value='{band}']")
    old = "h.severity <> 'minor' AND :day - h.found_on >= 730"
    assert shown(page) == register.count(old) > 0
    choose_zone(page, "Z02")
    of_zone = f"{old} AND z.code = 'Z02'"
    assert shown(page) == drawn(page) == register.count(of_zone) > 0
    listed = page.locator("#list-0 tbody tr").count()
    assert listed == min(20, register.count(f"{of_zone} AND h.severity = 'critical'")) > 0
    page.click("#reset")
    assert shown(page) == 300
    assert page.locator("[data-filter]:checked").count() == 9


def test_choices_say_how_many_features_they_would_show(built, opened, register):
    page = opened(built("unresolved_hazards"))
    page.uncheck("[data-filter=severity][data-value=critical]")
    label = page.locator("label:has([data-filter=age][data-value='4']) .count")
    old = "h.severity <> 'critical' AND :day - h.found_on >= 730"
    assert number(label.inner_text()) == register.count(old)


def test_a_hostile_name_is_text(built, opened):
    page = opened(built("unresolved_hazards"))
    choose_zone(page, "Z01")
    hostile = page.locator("#list-0 tbody tr", has_text="<img src=x onerror=")
    assert "</script><b>饭馆" in hostile.first.inner_text()
    hostile.first.click()
    page.wait_for_selector(POPUP)
    assert "<img src=x onerror=" in page.inner_text(f"{POPUP} h3")
    assert page.locator("img, b").count() == 0
    assert page.evaluate("window.hostile") is None


def test_the_list_of_the_oldest_zooms_to_the_point_and_opens_it(built, opened, register):
    page = opened(built("unresolved_hazards"))
    before = page.inner_text(".leaflet-control-scale")
    rows = page.locator("#list-0 tbody tr")
    assert rows.count() == 20
    ages = [number(text) for text in page.locator("#list-0 td:last-child").all_inner_texts()]
    assert ages == sorted(ages, reverse=True)
    assert (
        ages[0]
        == register.session.connection()
        .exec_driver_sql(
            "SELECT max(DATE '2024-06-30' - found_on) FROM hazard WHERE severity = 'critical'"
        )
        .scalar()
    )
    button = located_row(page).locator("button")
    name = button.inner_text()
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(POPUP)
    assert page.inner_text(f"{POPUP} h3") == name
    assert "Critical" in page.inner_text(f"{POPUP} .card >> nth=0")
    assert page.inner_text(".leaflet-control-scale") != before


def test_everything_at_one_place_can_be_reached(built, opened):
    """Ten premises with five hazards each stand at one point: 17 pages."""
    page = opened(built("unresolved_hazards"))
    choose_zone(page, "Z01")
    page.locator("#list-0 tbody tr", has_text="<img").first.click()
    page.wait_for_selector(POPUP)
    names, cards, pages = set(), 0, 1
    while True:
        names |= set(page.locator(f"{POPUP} h3").all_inner_texts())
        cards += page.locator(f"{POPUP} .card").count()
        if not page.locator(f"{POPUP} .next:not(:disabled)").count():
            break
        page.locator(f"{POPUP} .next").dispatch_event("click")
        pages += 1
    assert (len(names), cards, pages) == (10, 50, 17)


def test_what_has_no_place_is_listed_and_opens(built, opened, register):
    page = opened(built("unresolved_hazards"))
    page.click("#missing-unresolved_hazards summary")
    rows = page.locator("#missing-unresolved_hazards tbody tr")
    assert rows.count() == register.count("p.geom IS NULL") == 15
    rows.first.click()
    assert page.locator("#details[open] .card").count() == 1
    page.click("#details button")
    assert page.locator("#details[open]").count() == 0


def test_the_classes_of_a_marker_add_up_to_its_features(built, opened):
    """Whatever the zoom: what one marker sums must not leak into another."""
    page = opened(built("unresolved_hazards", language="en"))
    for _ in range(3):
        said = page.eval_on_selector_all(
            ".cluster, .site", "all => all.map(one => one.getAttribute('aria-label'))"
        )
        assert said
        for text in said:
            whole, classes = text.split(": ", 1)
            count = int(re.search(r"([\d,]+)$", whole)[1].replace(",", ""))
            parts = re.findall(r"(?:Critical|Serious|Minor|Unclassified) ([\d,]+)", classes)
            assert sum(int(part.replace(",", "")) for part in parts) == count, text
        page.click(".leaflet-control-zoom-in")
        page.wait_for_function("() => !document.querySelector('.leaflet-zoom-anim')")


def test_zooming_has_an_end(built, opened):
    page = opened(built("unresolved_hazards"))
    # asked again at every frame until the end is reached; it never is where zooming has none
    page.wait_for_function(
        "() => { const more = document.querySelector('.leaflet-control-zoom-in'); more.click();"
        " return more.classList.contains('leaflet-disabled'); }"
    )


def test_layers_can_be_hidden_and_restyled(built, opened):
    page = opened(built("unresolved_hazards"))
    assert page.locator(".cluster, .site").count() > 0
    page.uncheck("[data-toggle=unresolved_hazards]")
    assert page.locator(".cluster, .site").count() == 0
    page.check("[data-toggle=unresolved_hazards]")
    colors = "all => all.map(one => one.getAttribute('stroke')).filter(Boolean)"
    before = set(page.eval_on_selector_all(".cluster circle", colors))
    page.locator("[name=style-unresolved_hazards]").nth(1).check()
    after = set(page.eval_on_selector_all(".cluster circle", colors))
    assert before
    assert after
    assert not before & after


def test_no_data_stands_apart_from_none_found(built, opened):
    page = opened(built("unresolved_hazards"))
    legend = page.locator("[data-layer=hazard_hotspots] .classes li").all_inner_texts()
    counts = {text.split("\n")[0]: number(text.split("\n")[-1]) for text in legend}
    assert counts["No data (too few premises)"] > 0
    assert "None found" in counts
    assert page.locator("[data-layer=hazard_hotspots] .hatch").count() == 1


def test_markers_work_from_the_keyboard(built, opened):
    page = opened(built("unresolved_hazards"))
    cluster = page.locator(".cluster").first
    before = page.inner_text(".leaflet-control-scale")
    cluster.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "old => document.querySelector('.leaflet-control-scale').innerText !== old", arg=before
    )
    assert "mean age" in page.locator(".cluster, .site").first.get_attribute("aria-label")


def test_the_language_can_be_switched(built, opened):
    page = opened(built("unresolved_hazards", "zh_CN"))
    assert "重大" in page.inner_text(".totals")
    assert re.search(r"[A-Za-z]{4,}", page.inner_text("#filters")) is None
    page.click("#language")
    assert page.inner_text("h1") == "Unresolved hazards"
    assert re.search(r"[\u4e00-\u9fff]", page.inner_text("#filters")) is None
    located_row(page).click()
    page.wait_for_selector(POPUP)
    page.click("#language")
    assert "严重程度" in page.inner_text(POPUP)


def test_zones_carry_their_inspector_and_made_up_people_are_called_so(built, opened):
    page = opened(built("zone_workload", "zh_CN"))
    assert page.locator(".area-label", has_text="检查员1").count() == 1
    assert "虚拟人员" in page.inner_text("[role=note]")
    page.locator("#list-0 tbody tr", has_text="Z03").click()
    page.wait_for_selector(POPUP)
    assert "检查员3" in page.inner_text(POPUP)


def test_zones_have_workload_and_hazards_of_the_register(built, opened, register):
    page = opened(built("zone_workload"))
    row = page.locator("#list-0 tbody tr", has_text="Z01")
    figures = row_figures(row)
    assert figures[2] == 1200
    assert figures[4] == register.count("z.code = 'Z01'")
    assert figures[5] == register.count("z.code = 'Z01' AND h.severity = 'critical'")


def test_coverage_counts_everybody(built, opened):
    page = opened(built("coverage"))
    figures = {
        name: number(page.inner_text(f".figure[data-name={name}] dd"))
        for name in ("premises", "due", "in_time", "overdue", "never_inspected", "not_located")
    }
    assert figures["premises"] == 60
    assert figures["not_located"] == 3
    assert figures["due"] == figures["in_time"] + figures["overdue"] + figures["never_inspected"]
    legend = page.inner_text("[data-layer=coverage]")
    assert "No premises" in legend
    assert "No data (nothing due)" in legend
    page.locator("#list-0 tbody tr", has_text="Z02").click()
    page.wait_for_selector(POPUP)
    assert page.is_checked("[data-toggle=coverage_zones]")
    for words in ("Due", "In time", "Overdue", "Never inspected", "Not located"):
        assert words in page.inner_text(POPUP)


def test_lists_are_sorted_by_their_heads(built, opened):
    page = opened(built("zone_workload"))
    zones = page.locator("#list-0 td:first-child")
    rising = [f"Z0{number}" for number in range(1, 10)]
    assert zones.all_inner_texts() == rising[::-1]
    page.locator("#list-0 th button").first.click()
    assert zones.all_inner_texts() == rising
    page.locator("#list-0 th button").first.click()
    assert zones.all_inner_texts() == rising[::-1]


def test_paper_gets_map_legend_and_lists(built, opened):
    page = opened(built("unresolved_hazards"))
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#print:visible, #filters:visible").count() == 0
    assert page.locator(".totals:visible").count() == 1
    wide = page.locator(".map").bounding_box()["width"]
    assert wide == pytest.approx(178 / 25.4 * 96, abs=4)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#print:visible").count() == 1
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000


def test_without_scripts_the_totals_can_be_read(built, opened, register):
    page = opened(built("unresolved_hazards"), java_script_enabled=False)
    text = page.inner_text("noscript")
    assert f"Critical: {register.count('h.severity = ' + chr(39) + 'critical' + chr(39))}" in text
    assert "Total: 300 (Not located: 15)" in text


def test_a_restricted_map_says_so_and_holds_nothing_else(built, opened, register):
    path = built("unresolved_hazards", severity="critical", zone="Z01")
    page = opened(path)
    expected = register.count("h.severity = 'critical' AND z.code = 'Z01'")
    assert shown(page) == expected > 0
    assert "Restricted to Severity: Critical" in page.inner_text(".facts")
    assert "Restricted to Zone: Z01" in page.inner_text(".facts")
    assert page.locator("#filter-zone").count() == 1
    other = (
        register.session.connection()
        .exec_driver_sql(
            "SELECT p.licence FROM premises AS p JOIN zone_cell AS m ON p.cell_id = m.cell_id"
            " JOIN zone AS z ON m.zone_id = z.id WHERE z.code = 'Z09' LIMIT 1"
        )
        .scalar()
    )
    assert f'"{other}"' not in path.read_text(encoding="utf-8")


def test_a_small_screen_shows_map_and_panel(chromium, built):
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(built("unresolved_hazards").as_uri())
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".map").bounding_box()["width"] == 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    located_row(page).click()
    page.wait_for_selector(POPUP)
    assert page.evaluate("window.scrollY") == 0
    context.close()


def test_a_switch_shows_the_zones_before_or_after(built, opened, register):
    page = opened(built("proposal"))
    assert page.is_checked("[data-toggle=proposal_after]")
    page.check("[data-toggle=proposal_before]")
    assert not page.is_checked("[data-toggle=proposal_after]")
    assert page.locator("[data-layer=proposal_after] ul").count() == 0, "its legend goes with it"
    page.check("[data-toggle=proposal_after]")
    assert not page.is_checked("[data-toggle=proposal_before]")
    rows = page.locator("#list-0 tbody tr").all_inner_texts()
    assert sorted(row.split()[0] for row in rows) == ["Z01", "Z02"]
    counted = register.session.scalar(select(func.count()).select_from(ProposalCase))
    assert row_figures(page.locator(".totals tfoot tr"))[-1] == counted > 0
