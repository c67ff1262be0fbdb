"""The time slider in a real browser, with the network off."""

import re

import pytest
from sqlalchemy import text

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05", "2024-06"]


def number(said):
    return int(re.sub(r"\D", "", said))


def shown_month(page):
    return page.inner_text("#time-now strong")


def total(page, name):
    return number(page.inner_text(f".figure[data-name={name}] dd"))


def legend(page):
    """Features in each class, as the legend counts them."""
    counts = page.locator(".layer[data-layer=coverage_months] .classes .count").all_inner_texts()
    return [number(count) for count in counts]


def of_month(register, month, unit, what):
    return register.session.scalar(
        text(
            f"SELECT {what} FROM map.coverage_month"
            " WHERE unit = :unit AND to_char(period_end, 'YYYY-MM') = :month"
        ),
        {"unit": unit, "month": month},
    )


def pixels(page):
    """The picture of the areas, to tell whether it changed."""
    return page.evaluate(
        "() => document.querySelector('.leaflet-overlay-pane canvas').toDataURL().length"
    )


@pytest.fixture
def page(built, opened):
    return opened(built("coverage_months"))


def test_the_slider_begins_with_the_last_month_and_totals_follow_it(page, register):
    slider = page.locator("#time")
    assert shown_month(page) == "2024-06"
    assert slider.get_attribute("aria-valuetext") == "2024-06"
    assert page.locator("#time-next").is_disabled()
    seen = set()
    for month in reversed(MONTHS):
        assert shown_month(page) == month
        assert month in page.inner_text("#fact-time")
        for name in ("premises", "in_time", "overdue", "never_inspected"):
            assert total(page, name) == of_month(register, month, "area", f"sum({name})"), month
        assert sum(legend(page)) == of_month(register, month, "cell", "count(*)")
        stated = number(page.inner_text("[data-stated=in_time] strong"))
        assert stated == of_month(register, month, "cell", "sum(in_time)")
        seen.add((total(page, "in_time"), *legend(page)))
        if month != MONTHS[0]:
            page.click("#time-previous")
    assert len(seen) > 1, "the figures change with the month"
    assert page.locator("#time-previous").is_disabled()


def test_the_keyboard_leads_through_the_months(page):
    page.focus("#time")
    for key, month in (
        ("ArrowLeft", "2024-05"),
        ("Home", "2024-01"),
        ("ArrowRight", "2024-02"),
        ("End", "2024-06"),
        ("PageDown", "2024-01"),
        ("PageUp", "2024-06"),
    ):
        page.keyboard.press(key)
        assert shown_month(page) == month
        assert page.get_attribute("#time", "aria-valuetext") == month
        assert page.evaluate("document.activeElement.id") == "time"


def test_playing_goes_on_by_itself_and_stops_at_the_end(page):
    page.focus("#time")
    page.keyboard.press(" ")
    assert page.get_attribute("#time-play", "aria-label") == "Pause"
    for month in MONTHS:
        page.wait_for_function(
            "month => document.querySelector('#time-now strong').textContent === month", arg=month
        )
    page.wait_for_function(
        "() => document.getElementById('time-play').getAttribute('aria-label') === 'Play'"
    )
    page.click("#time-play")
    page.wait_for_function(
        "() => document.querySelector('#time-now strong').textContent === '2024-02'"
    )
    page.click("#time-play")
    assert page.get_attribute("#time-play", "aria-label") == "Play"
    assert shown_month(page) == "2024-02"


def test_the_map_is_drawn_anew_and_a_popup_tells_of_the_month(page, register):
    before = pixels(page)
    page.locator("#list-0 tbody tr button").first.click()
    page.wait_for_selector(".leaflet-popup-content")
    assert "2024-06-30" in page.inner_text(".leaflet-popup-content")
    page.focus("#time")
    page.keyboard.press("Home")
    assert "2024-01-31" in page.inner_text(".leaflet-popup-content")
    page.locator(".leaflet-popup-close-button").click()
    assert pixels(page) != before
    first = page.locator("#list-0 tbody tr").first.locator("td").all_inner_texts()
    worst = of_month(register, "2024-01", "cell", "max(overdue)")
    assert number(first[2]) == worst


def test_the_slider_speaks_both_languages(page):
    page.click("#time-previous")
    page.click("#language")
    assert shown_month(page) == "2024年5月"
    assert page.get_attribute("#time-play", "aria-label") == "播放"
    page.click("#language")
    assert shown_month(page) == "2024-05"


def test_paper_shows_the_chosen_month_and_no_controls(page):
    page.focus("#time")
    page.keyboard.press("Home")
    page.click("#time-play")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    chosen = shown_month(page)
    assert chosen in MONTHS
    assert page.locator("#time-now").is_visible()
    for control in ("#time", "#time-play", "#time-previous", "#time-next"):
        assert not page.locator(control).is_visible()
    assert page.get_attribute("#time-play", "aria-label") == "Play", "it does not run on"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#time").is_visible()
    assert shown_month(page) == chosen


def test_on_a_narrow_screen_nothing_hangs_over(built, opened):
    page = opened(built("coverage_months"))
    page.set_viewport_size({"width": 360, "height": 740})
    box = page.locator("#timeline").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    for part in ("#time", "#time-play", "#time-next", "#time-now"):
        inside = page.locator(part).bounding_box()
        assert inside["width"] > 20
        assert inside["x"] + inside["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_steps_of_hotspots_keep_their_classes(built, opened, register):
    page = opened(built("hotspot_steps"))
    classes = page.locator(".layer[data-layer=hotspot_steps] .classes li > span:nth-child(2)")
    titles = classes.all_inner_texts()
    ends = register.session.scalars(
        text("SELECT DISTINCT period_end FROM map.hotspot_step ORDER BY 1 DESC")
    ).all()
    for end in ends:
        assert classes.all_inner_texts() == titles
        expected = register.session.execute(
            text(
                "SELECT sum(inspections), sum(hazards) FROM map.hotspot_step WHERE period_end = :d"
            ),
            {"d": end},
        ).one()
        assert (total(page, "inspections"), total(page, "hazards")) == tuple(expected)
        page.keyboard.press("Tab")
        if end != ends[-1]:
            page.click("#time-previous")


def test_a_map_without_steps_has_no_slider(built, opened):
    page = opened(built("coverage"))
    assert page.locator("#timeline").count() == 0


def test_clusters_are_drawn_listed_and_explained(built, opened, register):
    page = opened(built("clusters", largest_p=1))
    clusters = register.session.scalar(text("SELECT count(*) FROM map.cluster"))
    assert page.locator("#list-0 tbody tr").count() == clusters > 0
    about = page.inner_text(".layer[data-layer=scan_clusters]")
    assert "Kulldorff" in about
    assert "2024-01-01 2024-06-30" in " ".join(re.findall(r"\d{4}-\d\d-\d\d", about))


def test_patterns_of_categories_differ_where_colours_do_not(built, opened):
    page = opened(built("emerging_hotspots"))
    looks = page.eval_on_selector_all(
        ".layer[data-layer=emerging_hotspots] .classes .swatch",
        "all => all.map(one => { const s = getComputedStyle(one);"
        " return s.backgroundColor + s.backgroundImage; })",
    )
    assert len(looks) == 19
    assert len(set(looks)) == 19
