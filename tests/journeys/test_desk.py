"""People at the desk: the tree of layers, time, two maps compared, from the nation to a parcel, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import DESKTOP, PHONE, Visit
from tests.journeys.looking import picture, violations
from tests.journeys.test_workbench import (
    HAN,
    PARCEL_LAYER,
    address_has,
    at_work,
    big_parcel,
    drawn,
    other_classes,
    point_of,
)

pytestmark = pytest.mark.browser
TREE = "ky-layer-tree [role=tree]"
# the tree of the sample county has fewer rows
ROWS = 200


def at_row(page: Page) -> Locator:
    """The row of the tree where the keyboard is, of which there is one at any moment."""
    return page.locator(f"{TREE} [role=treeitem][aria-selected=true]")


def row_named(page: Page) -> str:
    """What the tree says of where the keyboard is: the same row that looks it."""
    name = page.locator(TREE).get_attribute("aria-activedescendant")
    assert name
    expect(at_row(page)).to_have_id(name)
    return name


DAYS = ["2024-12-31", "今天"]


def held(page: Page) -> dict[str, int]:
    """What the map and the page hold."""
    return page.evaluate(
        """() => { const { map } = document.querySelector('ky-map'); const style = map.getStyle();
          return { sources: Object.keys(style.sources).length, layers: style.layers.length,
                   elements: document.querySelectorAll('ky-workbench *').length }; }"""
    )


def compared(visit: Visit, mode: str = "卷帘") -> Page:
    """The earlier state at the left, today at the right."""
    page = at_work(visit)
    is_phone = page.viewport_size and page.viewport_size["width"] < 768
    if is_phone:
        page.locator(".ky-sheet-tabs button").nth(2).click()
    page.locator("[data-tool=compare]").click()
    expect(page.locator("ky-compare ky-map")).to_be_attached()
    page.get_by_label(mode, exact=True).check()
    expect(page.get_by_label(mode, exact=True)).to_be_checked()
    # the comparison begins with two days, and each map with the data of its own
    expect(page.locator("ky-compare .ky-day")).to_have_text(DAYS)
    right_still(visit)
    if is_phone:
        page.locator(".ky-sheet-tabs button").nth(2).click()
        expect(page.locator(".ky-tools")).to_be_hidden()
        visit.map_still()
    return page


def right_still(visit: Visit) -> None:
    visit.page.wait_for_function(
        "() => { const one = document.querySelector('ky-compare ky-map');"
        " return one?.ready && one.map.getSource('10401-003'); }"
    )
    visit.map_still()


def test_the_tree_is_walked_by_keyboard(desk: Visit) -> None:
    """R-091, R-092: an ARIA tree; from the search box down, opening, closing, switching a layer, without a mouse."""
    page = at_work(desk)
    page.get_by_label("筛选目录").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(TREE)).to_be_focused()
    page.keyboard.press("Home")
    row = at_row(page)
    first = row_named(page)
    expect(row).to_have_attribute("aria-level", "1")
    expect(row).to_have_attribute("aria-expanded", "true")
    below = page.locator(f"#{first} + [role=treeitem]")
    expect(below).to_have_attribute("aria-level", "2")
    page.keyboard.press("ArrowLeft")
    expect(row).to_have_attribute("aria-expanded", "false")
    expect(below.and_(page.locator("[aria-level='2']"))).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(below).to_have_attribute("aria-level", "2")
    page.keyboard.press("End")
    expect(row).not_to_have_attribute("aria-level", "1")
    assert row_named(page) != first
    page.keyboard.press("Home")
    expect(row).to_have_id(first)
    for step in range(1, ROWS):
        if row.get_attribute("aria-checked") == "false":
            break
        page.keyboard.press("ArrowDown")
        expect(row).to_have_id(f"ky-row-{step}")
    expect(row).to_have_attribute("aria-checked", "false")
    expect(row).not_to_have_attribute("aria-expanded", re.compile("true|false"))
    page.keyboard.press("Enter")
    expect(page.locator(".ky-count")).to_have_text("已开 2")
    expect(row).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Space")
    expect(page.locator(".ky-count")).to_have_text("已开 1")
    expect(row).to_have_attribute("aria-checked", "false")


def test_favourites_and_recent_layers_wait_for_the_next_visit(desk: Visit) -> None:
    """R-091: what a person marked and used is kept on the node, not in the browser."""
    page = at_work(desk)
    page.get_by_label("筛选目录").fill("村级调查区界线")
    expect(page.locator(".ky-tree-count")).to_have_text("1 个图层")
    star = page.get_by_role("button", name="村级调查区界线：收藏")
    star.click()
    expect(page.get_by_role("button", name="村级调查区界线：取消收藏")).to_be_visible()
    with page.expect_response(lambda one: one.url.endswith("/api/map/recent") and one.request.method == "POST"):
        page.locator("ky-layer-tree input[data-collection='10401-002.CJDCQJX']").check()

    page.reload()
    desk.map_still()
    expect(page.locator(TREE)).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="收藏", exact=True).click()
    expect(page.locator("ky-layer-tree [role=treeitem]")).to_have_count(1)
    page.get_by_role("button", name="村级调查区界线：取消收藏").click()
    expect(page.locator("ky-layer-tree .ky-hint")).to_contain_text("还没有收藏")
    page.get_by_role("button", name="最近", exact=True).click()
    expect(page.locator("ky-layer-tree [role=treeitem]").first).to_contain_text("村级调查区界线")


@pytest.mark.parametrize("turns", [50, pytest.param(200, marks=pytest.mark.long)])
def test_switching_leaves_nothing_behind(desk: Visit, turns: int) -> None:
    """One layer after another goes on and off: sources and elements are as many as before, memory stays, no error."""
    page = at_work(desk)
    page.locator(TREE).focus()
    switch = """async (turns) => {
      const tree = document.querySelector('ky-layer-tree [role=tree]');
      const press = (key) => tree.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      const picture = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      const at = () => document.getElementById(tree.getAttribute('aria-activedescendant'));
      const taken = [];
      for (let tries = 0; taken.length < 2 * turns && tries < 20 * turns; tries += 1) {
        const last = at().id;
        press('ArrowDown'); await picture();
        if (at().id === last) { press('Home'); await picture(); }
        if (at().ariaChecked !== 'false') continue;
        for (let step = 0; step < 2; step += 1) {
          const begun = performance.now(); press(' '); await picture(); taken.push(performance.now() - begun);
        }
      }
      return taken.sort((a, b) => a - b);
    }"""
    session = page.context.new_cdp_session(page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20

    page.evaluate(switch, 10)  # what is loaded once is loaded now
    page.locator(TREE).press("Home")  # the list shows the same rows before and after
    desk.map_still()
    before, memory = held(page), heap()
    taken = page.evaluate(switch, turns)
    page.locator(TREE).press("Home")
    desk.map_still()
    after = held(page)
    assert after["sources"] == before["sources"] and after["layers"] == before["layers"]
    assert abs(after["elements"] - before["elements"]) < 40
    assert heap() - memory < 12, "memory grows with switching"
    assert len(taken) == 2 * turns
    expect(page.locator(".ky-count")).to_have_text("已开 1")


def test_a_swipe_shows_two_dates(anywhere: Visit) -> None:
    """R-143: one place at two dates; the divider moves by keyboard and by finger, and the link keeps it all."""
    page = compared(anywhere)
    days = page.locator("ky-compare .ky-day")
    expect(days).to_have_text(DAYS)
    classes = page.evaluate(
        """() => ['.ky-desk-parts > ky-map', 'ky-compare ky-map'].map((one) => Object.fromEntries(
          document.querySelector(one).map.queryRenderedFeatures({ layers: ['10401-003|fill'] })
            .map((found) => [found.properties.BSM, found.properties.DLBM])))"""
    )
    both = set(classes[0]) & set(classes[1])
    assert any(classes[0][bsm] != classes[1][bsm] for bsm in both), "no parcel differs between the two dates"

    divider = page.get_by_role("slider", name="左右两图的分界")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    anywhere.map_still()
    box = divider.bounding_box()
    assert box and page.viewport_size
    page.mouse.move(box["x"] + box["width"] / 2, 300)
    page.mouse.down()
    page.mouse.move(page.viewport_size["width"] * 0.4, 300, steps=4)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", re.compile("39|40|41"))
    page.keyboard.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "95")

    address_has(page, "compare=swipe")
    address_has(page, "date=2024-12-31")
    page.reload()
    right_still(anywhere)
    expect(days).to_have_text(DAYS)


def test_side_by_side_the_cameras_move_together(anywhere: Visit) -> None:
    """R-143: two maps, one view; each has its own layers when asked for."""
    page = compared(anywhere, "并排")
    cameras = """() => ['.ky-desk-parts > ky-map', 'ky-compare ky-map'].map((one) => {
      const { map } = document.querySelector(one); const { lng, lat } = map.getCenter();
      return [lng.toFixed(7), lat.toFixed(7), map.getZoom().toFixed(4)]; })"""
    page.evaluate("void document.querySelector('ky-compare ky-map').map.jumpTo({ center: [114.1, 34.42], zoom: 14 })")
    anywhere.map_still()
    left, right = page.evaluate(cameras)
    assert left == right == ["114.1000000", "34.4200000", "14.0000"]
    page.evaluate("void document.querySelector('.ky-desk-parts > ky-map').map.zoomTo(13, { duration: 0 })")
    anywhere.map_still()
    left, right = page.evaluate(cameras)
    assert left == right and left[2] == "13.0000"


def test_two_layer_sets_are_compared(desk: Visit) -> None:
    """R-143: other layers at the right; switching them leaves the left map alone."""
    page = compared(desk, "并排")
    page.get_by_label("右图用另一组图层").check()
    page.get_by_role("button", name="右图", exact=True).click()
    page.locator(f"ky-layers input[data-collection='{PARCEL_LAYER}']").uncheck()
    page.locator("ky-layers input[data-collection='10401-001']").check()
    page.wait_for_function("() => document.querySelector('ky-compare ky-map').map.getSource('10401-001')")
    desk.map_still()
    sources = page.evaluate(
        "['.ky-desk-parts > ky-map', 'ky-compare ky-map'].map((one) => ['10401-001', '10401-003']"
        ".map((name) => Boolean(document.querySelector(one).map.getSource(name))))"
    )
    assert sources == [[False, True], [True, False]]
    address_has(page, "right-layers=10401-001")


def test_time_is_played_and_typed(desk: Visit) -> None:
    """R-144: the changes play to today; a typed day is taken as people write it; what is no day is put back."""
    page = at_work(desk)
    # each day is shown for a moment only: what is shown is written down as it changes
    page.locator("ky-timeline strong").evaluate(
        """(shown) => { window.daysShown = [];
          new MutationObserver(() => window.daysShown.push(shown.textContent))
            .observe(shown, { characterData: true, childList: true, subtree: true }); }"""
    )
    page.get_by_role("button", name="逐次播放变化").click()
    page.wait_for_function("() => window.daysShown.at(-1) === '今天'")
    assert page.evaluate("window.daysShown") == ["2024-12-31", "2025-12-31", "今天"]
    expect(page.get_by_role("button", name="逐次播放变化")).to_be_visible()

    field = page.get_by_label("任选日期")
    field.fill("2025年6月1日")
    field.press("Enter")
    expect(page.locator("ky-timeline strong")).to_have_text("2025-06-01")
    field.fill("2025-02-30")
    field.press("Enter")
    expect(field).to_have_value("2025-06-01")


def test_a_steward_asks_what_was_known(desk: Visit) -> None:
    """R-144: the instants of publishing, newest first; the map of an instant is another one, and the link names it."""
    page = at_work(desk)
    now = drawn(page)
    known = page.get_by_label("按当时所知")
    expect(known.locator("option").nth(2)).to_be_attached()
    values = known.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert values[0] == "" and len(values) >= 3 and values[1:] == sorted(values[1:], reverse=True)
    with page.expect_response(lambda one: "known_at=" in one.url and "/tiles/" in one.url and one.ok):
        known.select_option(values[-1])
    address_has(page, "known=")
    other_classes(desk, now)


def test_a_viewer_is_offered_only_what_he_may_do(desk: Visit) -> None:
    """R-091: no publishing instants, no deliveries, no menu of checks; the map itself is the same."""
    page = desk.sign_in("/", user="viewer")
    desk.map_still()
    expect(page.locator("ky-layer-tree [role=treeitem]").first).to_be_visible()
    expect(page.get_by_label("按当时所知")).to_have_count(0)
    offered = page.locator(".ky-nav").inner_text()
    assert "一张图" in offered and "数据" in offered and "管理" not in offered
    expect(page.locator(".ky-nav a[href='/admin/']")).to_have_count(0)


def test_from_the_nation_to_one_parcel(desk: Visit) -> None:
    """R-032: every step between shows a map: no answer fails, nothing is reloaded, parcels and names where they belong."""
    page = at_work(desk)
    page.evaluate("window.sameDocument = true")
    failed: list[str] = []
    page.on("response", lambda one: failed.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    centre = page.evaluate("document.querySelector('ky-map').map.getCenter().toArray()")
    for zoom in (3.5, 5, 7, 9, 11, 12, 13, 15, 17, 19):
        page.evaluate(
            "([center, zoom]) => { document.querySelector('ky-map').map.jumpTo({ center, zoom }); }", [centre, zoom]
        )
        desk.map_still()
        if zoom <= 9:
            page.wait_for_function("() => document.querySelector('ky-map').map.queryRenderedFeatures()"
                                   ".some((one) => one.source === 'base')")  # fmt: skip
        if zoom >= 11:
            assert drawn(page), f"no parcel at zoom {zoom}"
    assert failed == []
    assert page.evaluate("window.sameDocument") is True


def test_the_palette_reaches_everything(desk: Visit) -> None:
    """Ctrl-K: a layer by code, a place, a parcel, a tool."""
    page = at_work(desk)
    bsm = big_parcel(page)
    for words, group, title in (
        ("XZQ", "图层（开关）", "行政区"),
        ("坤舆县", "地点与地块", "坤舆县"),
        (bsm, "地点与地块", bsm),
        ("对比", "工具", "对比"),
    ):
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="输入图层、地名、标识码或页面").fill(words)
        expect(page.locator("#ky-palette-list")).to_contain_text(group)
        expect(page.locator("#ky-palette-list [role=option]", has_text=title).first).to_be_visible()
        if words != "对比":
            page.keyboard.press("Escape")
            expect(page.locator("dialog.ky-palette")).to_be_hidden()
    expect(page.locator("#ky-palette-list [aria-selected=true]")).to_contain_text("对比")
    page.keyboard.press("Enter")
    expect(page.locator("ky-compare ky-map")).to_be_attached()


@pytest.mark.parametrize("mode", ["卷帘", "并排"])
def test_nothing_to_complain_of_while_comparing(anywhere: Visit, mode: str) -> None:
    """axe-core finds nothing at all on the desk while two maps are compared, at either size."""
    page = compared(anywhere, mode)
    assert violations(page) == []


def test_nothing_to_complain_of_in_the_lists(desk: Visit) -> None:
    """axe-core finds nothing in the tree, in found layers, in the palette, in the open menu."""
    page = at_work(desk)
    assert violations(page) == []
    page.get_by_label("筛选目录").fill("界线")
    expect(page.locator(".ky-tree-count")).to_be_visible()
    page.locator(".ky-nav summary").first.click()
    expect(page.locator(".ky-nav details[open]").first).to_be_attached()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".ky-nav details[open]")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.locator("#ky-palette-list")).to_be_visible()
    assert violations(page) == []


def test_the_desk_speaks_english(english_desk: Visit) -> None:
    """No Chinese in the panels of the desk but names of data and places."""
    page = at_work(english_desk)
    page.locator("[data-tool=compare]").click()
    expect(page.get_by_label("Side by side")).to_be_visible()
    expect(page.locator("ky-compare ky-map")).to_be_attached()
    right_still(english_desk)
    texts = page.locator(
        ".ky-nav, .ky-time-head, .ky-views, ky-compare-panel, ky-tool-host h2, ky-layer-tree .ky-row-name, .ky-on h2"
    ).all_inner_texts()
    assert [one for one in texts if HAN.search(one)] == []


MIDDLE = """() => { const { map } = document.querySelector('ky-map'), { lng, lat } = map.getCenter();
  return [lng, lat, map.project([lng, lat]).y]; }"""
LEFT_OF_MAP = """() => document.querySelector('.ky-panel.is-open').getBoundingClientRect().top
  - document.querySelector('ky-map').getBoundingClientRect().top"""


def test_the_pictures_of_the_guide(anywhere: Visit) -> None:
    """The pictures in docs/images are of this very page."""
    page = at_work(anywhere)
    assert page.viewport_size
    if page.viewport_size["width"] == PHONE["width"]:
        tab = page.locator(".ky-sheet-tabs button").first
        centre = page.evaluate(MIDDLE)
        tab.click()
        expect(page.locator(".ky-left")).to_be_visible()
        anywhere.map_still()
        # what was in the middle of the map is in the middle of what the sheet leaves of it
        raised = page.evaluate(MIDDLE)
        assert raised[:2] == pytest.approx(centre[:2], abs=1e-9)
        assert raised[2] == pytest.approx(page.evaluate(LEFT_OF_MAP) / 2, abs=2) and raised[2] < centre[2] / 1.5
        picture(page, "workbench-phone")
        tab.click()
        expect(page.locator(".ky-left")).to_be_hidden()
        assert page.evaluate(MIDDLE) == pytest.approx(centre, abs=1e-6)
        return
    assert page.viewport_size["width"] == DESKTOP["width"]
    page.mouse.click(*point_of(page, big_parcel(page)))
    expect(page.locator("ky-feature .ky-fields")).to_be_visible()
    anywhere.map_still()
    picture(page, "workbench")
    page.keyboard.press("Escape")
    expect(page.locator("ky-feature .ky-fields")).to_have_count(0)
    page.locator("[data-tool=compare]").click()
    expect(page.locator("ky-compare .ky-day")).to_have_text(DAYS)
    right_still(anywhere)
    picture(page, "workbench-compare")
