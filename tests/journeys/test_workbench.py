"""People at the workbench: map, layers, feature, time, search (R-091), in a real browser on a real node."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import PARCELS, PATIENCE_MS, Visit
from tests.journeys.looking import STILL, violations

pytestmark = pytest.mark.browser
PARCEL_LAYER = "10401-003"
HAN = re.compile(r"[\u4e00-\u9fff]")


def drawn(page: Page, collection: str = PARCEL_LAYER) -> dict[str, str]:
    """What the map draws of a layer: land class by identifier."""
    found = page.evaluate(
        """(collection) => {
          const map = document.querySelector('ky-map').map;
          const layers = [`${collection}|fill`, `${collection}|line`].filter((id) => map.getLayer(id));
          if (!layers.length) return [];
          return map.queryRenderedFeatures({ layers }).map((one) => [one.properties.BSM ?? String(one.id), one.properties.DLBM ?? '']);
        }""",
        collection,
    )
    return dict(found)


def colours(visit: Visit) -> Counter[str]:
    """Colours of the canvas as people see it, coarse, by number of pixels."""
    from io import BytesIO

    import numpy as np
    import rasterio.io

    picture = visit.page.locator("ky-map").screenshot(type="png")
    with rasterio.io.MemoryFile(BytesIO(picture).getvalue()) as file, file.open() as image:
        pixels = image.read([1, 2, 3]).reshape(3, -1).T // 16
    values, counts = np.unique(pixels, axis=0, return_counts=True)
    return Counter({str(tuple(value)): int(number) for value, number in zip(values, counts, strict=True)})


def other_classes(visit: Visit, before: dict[str, str]) -> None:
    """Wait until the map draws a parcel with another class than before."""
    for _ in range(PATIENCE_MS // 500):
        visit.map_still()
        if any(before.get(bsm, code) != code for bsm, code in drawn(visit.page).items()):
            return
        visit.page.wait_for_timeout(500)
    pytest.fail("no parcel is drawn with another class")


def address_has(page: Page, part: str) -> None:
    """The address names something, which a link to this view then carries."""
    expect(page).to_have_url(re.compile(re.escape(part)))


def at_work(visit: Visit) -> Page:
    page = visit.sign_in()
    visit.map_still()
    page.wait_for_function("() => document.querySelector('ky-map').map.getSource('10401-003')")
    page.wait_for_function(
        "() => { const tree = document.querySelector('ky-layer-tree');"
        " return !tree || tree.querySelector('[role=tree]')?.ariaBusy === 'false'; }"
    )
    visit.map_still()
    return page


def point_of(page: Page, bsm: str) -> tuple[float, float]:
    """Where on the page a drawn parcel can be clicked: a pixel whose topmost parcel it is."""
    spot = page.evaluate(
        """(bsm) => {
          const map = document.querySelector('ky-map').map;
          const box = map.getCanvas().getBoundingClientRect();
          const layers = ['10401-003|fill'];
          for (let y = 60; y < box.height - 160; y += 6) for (let x = 370; x < box.width - 60; x += 6) {
            const hit = map.queryRenderedFeatures([x, y], { layers })[0];
            if (hit && hit.properties.BSM === bsm) return [box.left + x, box.top + y];
          }
          return null;
        }""",
        bsm,
    )
    assert spot, f"parcel {bsm} is not to be seen"
    return spot[0], spot[1]


def big_parcel(page: Page) -> str:
    """The parcel at the middle of the free part of the map."""
    bsm = page.evaluate(
        """() => {
          const map = document.querySelector('ky-map').map;
          const { width, height } = map.getCanvas().getBoundingClientRect();
          const near = map.queryRenderedFeatures([[width / 2, height / 2 - 60], [width / 2 + 200, height / 2 + 60]],
            { layers: ['10401-003|fill'] });
          return near[0]?.properties.BSM ?? null;
        }"""
    )
    assert bsm, "no parcel in the middle of the map"
    return str(bsm)


def test_the_map_opens_on_the_parcels(anywhere: Visit) -> None:
    """R-091: whoever signs in sees the parcels of the county, on a desk and on a phone."""
    page = at_work(anywhere)

    parcels = drawn(page)
    assert len(parcels) > PARCELS // 3  # small scale leaves out what is smaller than a pixel
    assert len(set(parcels.values())) > 8
    assert len([one for one in colours(anywhere).values() if one > 200]) > 8
    expect(page.locator(".ky-map-notice")).to_contain_text("示意")
    expect(page.locator(".ky-map-notice")).to_contain_text("无审图号")


def test_a_layer_is_switched_off_and_on(desk: Visit) -> None:
    """R-091: layers are laid over one another; off means nothing of it is drawn."""
    page = at_work(desk)
    switch = page.locator(f"ky-layers input[data-collection='{PARCEL_LAYER}']")
    expect(switch).to_be_checked()
    before = colours(desk)

    switch.uncheck()
    expect(page.locator(".ky-count")).to_have_text("已开 0")
    desk.map_still()
    assert drawn(page) == {}
    expect(page.locator(".ky-count")).to_have_text("已开 0")
    assert len([one for one in colours(desk).values() if one > 200]) < len(
        [one for one in before.values() if one > 200]
    )

    page.locator("ky-layers input[data-collection='10401-001']").check()
    desk.map_still()
    assert drawn(page, "10401-001")
    address_has(page, "layers=10401-001")


def test_the_tree_is_filtered_by_word(desk: Visit) -> None:
    """R-091: a layer is found by part of its name; an unmatched word says what to do."""
    page = at_work(desk)
    box = page.get_by_label("筛选目录")

    box.fill("村级调查区")
    rows = page.locator("ky-layers .ky-switch")
    # the areas, their boundaries, and the table that is handed in with them
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("村级调查区界线")

    box.fill("没有这样的图层")
    expect(page.locator("ky-layers .ky-tree .ky-hint")).to_contain_text("没有与“没有这样的图层”相符的图层")


def test_a_click_shows_official_field_names(desk: Visit) -> None:
    """R-091: a click answers with code, official name and meaning, areas in hectares and mu."""
    page = at_work(desk)
    bsm = big_parcel(page)
    page.mouse.click(*point_of(page, bsm))

    panel = page.locator("ky-feature")
    expect(panel.locator(".ky-fields")).to_contain_text("地类编码")
    expect(panel.locator(".ky-fields")).to_contain_text("DLBM")
    expect(panel.locator(".ky-fields")).to_contain_text("图斑面积")
    expect(panel.locator(".ky-fields")).to_contain_text(bsm)
    expect(panel.locator(".ky-headline")).to_have_text(re.compile(r"图斑.*公顷（[\d,.]+ 亩）", re.S))

    page.keyboard.press("Escape")
    expect(panel.locator(".ky-fields")).to_have_count(0)


def test_the_keyboard_reaches_a_feature(desk: Visit) -> None:
    """R-091: arrows pan, plus zooms, Enter asks at the centre, without a mouse."""
    page = at_work(desk)
    page.locator("ky-map canvas").focus()
    before = page.evaluate("document.querySelector('ky-map').map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    desk.map_still()
    assert page.evaluate("document.querySelector('ky-map').map.getCenter().lng") > before

    page.keyboard.press("Enter")
    expect(page.locator("ky-feature .ky-place")).to_be_visible()


def test_the_date_moves_the_map(desk: Visit) -> None:
    """R-091: time switches without a reload; the change package of 2025 shows as other classes and other colours."""
    page = at_work(desk)
    page.evaluate("window.sameDocument = true")
    now, seen_now = drawn(page), colours(desk)
    expect(page.locator("ky-timeline .ky-time-stops button")).to_have_text(["2024-12-31", "2025-12-31", "今天"])

    page.locator("ky-timeline input[type=range]").focus()
    page.keyboard.press("Home")
    expect(page.locator("ky-timeline strong")).to_have_text("2024-12-31")
    other_classes(desk, now)
    assert colours(desk) != seen_now
    assert page.evaluate("window.sameDocument") is True
    address_has(page, "date=2024-12-31")


def test_a_parcel_is_found_by_its_code(desk: Visit) -> None:
    """R-091: an identifier leads to the parcel, by keyboard alone."""
    page = at_work(desk)
    bsm = big_parcel(page)
    before = page.evaluate("document.querySelector('ky-map').map.getZoom()")

    page.get_by_role("combobox", name="查找地名、地块标识码或坐标").fill(bsm)
    expect(page.locator("#ky-search-list [role=option]").first).to_contain_text(bsm)
    page.keyboard.press("Enter")

    expect(page.locator("ky-feature .ky-fields")).to_contain_text(bsm)
    desk.map_still()
    assert page.evaluate("document.querySelector('ky-map').map.getZoom()") > before + 1


def test_a_place_and_a_coordinate_are_found(desk: Visit) -> None:
    """R-091: region jump."""
    page = at_work(desk)
    box = page.get_by_role("combobox", name="查找地名、地块标识码或坐标")

    box.fill("坤舆县")
    expect(page.locator("#ky-search-list [role=option]").first).to_contain_text("坤舆县")

    box.fill("114.05, 34.40")
    expect(page.locator("#ky-search-list [role=option]").first).to_contain_text("114.050000°E 34.400000°N")
    page.keyboard.press("Enter")
    desk.map_still()
    centre = page.evaluate("document.querySelector('ky-map').map.getCenter().toArray()")
    assert centre == pytest.approx([114.05, 34.40], abs=1e-6)

    box.fill("查无此地")
    expect(page.locator(".ky-search-list p")).to_contain_text("没有找到")


def test_the_palette_reaches_layers_and_pages(desk: Visit) -> None:
    """Ctrl-K switches a layer and opens a page."""
    page = at_work(desk)
    page.keyboard.press("Control+k")
    page.keyboard.type("CJDCQJX")
    expect(page.locator("#ky-palette-list [aria-selected=true]")).to_contain_text("村级调查区界线")
    page.keyboard.press("Enter")
    expect(page.locator(".ky-count")).to_have_text("已开 2")

    page.keyboard.press("Control+k")
    page.keyboard.type("catalogue")
    expect(page.locator("#ky-palette-list [aria-selected=true]")).to_contain_text("/catalogue/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalogue/")


def test_a_phone_opens_its_sheets(anywhere: Visit) -> None:
    """Panels are beside the map on a desk and rise as sheets on a phone."""
    page = at_work(anywhere)
    tabs = page.locator(".ky-sheet-tabs")
    if page.viewport_size and page.viewport_size["width"] >= 768:
        expect(tabs).to_be_hidden()
        expect(page.locator(".ky-left")).to_be_visible()
        return
    expect(page.locator(".ky-left")).to_be_hidden()
    tabs.get_by_role("button", name="图层").click()
    expect(page.locator(".ky-left")).to_be_visible()
    page.evaluate(STILL)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]


def test_the_language_is_switched_and_the_view_stays(desk: Visit) -> None:
    """A link to a view survives the change of language."""
    page = at_work(desk)
    page.locator("ky-layers input[data-collection='10401-001']").check()
    address_has(page, "layers=10401-001")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".ky-count")).to_have_text("2 on")


def test_english_pages_speak_english(english_desk: Visit) -> None:
    """Chrome of the pages has no Chinese left in it; names of places, people and data keep theirs."""
    page = at_work(english_desk)
    texts = page.locator(
        ".ky-nav, .ky-time-head, .ky-on h2, .ky-tree h2, .ky-opacity, .ky-map-notice, .ky-legend"
    ).all_inner_texts()
    assert [one for one in texts if HAN.search(one)] == []
    english_desk.open("/catalogue/")
    assert not HAN.search(" ".join(page.locator(".ky-head, .ky-filters label > span, thead").all_inner_texts()))


def test_printing_is_refused_with_the_reason(desk: Visit) -> None:
    """A base map without map approval number never reaches paper."""
    page = at_work(desk)
    page.emulate_media(media="print")
    expect(page.locator("ky-map")).to_be_hidden()
    expect(page.locator(".ky-print-refusal")).to_contain_text("无审图号")


def test_deliveries_show_the_quality_report(anywhere: Visit) -> None:
    """The list names every delivery; a returned one shows its findings on the map, one chosen from the table."""
    page = anywhere.sign_in("/deliveries/")
    faulty = anywhere.node.deliveries[-1]
    expect(page.locator("table tbody tr")).to_have_count(len(anywhere.node.deliveries))
    expect(page.locator("table tbody tr").first).to_contain_text("已退回")

    page.locator(f"a[href='/deliveries/{faulty}']").last.click()
    page.wait_for_url(f"**/deliveries/{faulty}")
    expect(page.locator("#findings")).to_contain_text("Q303")
    anywhere.map_still()
    row = page.locator("#finding-table tbody tr", has_text="Q303").first
    row.get_by_role("button").click()
    expect(row).to_have_class("chosen")
    anywhere.map_still()
    assert page.evaluate("document.querySelector('ky-map').map.getZoom()") > 15


def test_the_catalogue_tells_versions_and_fields(anywhere: Visit) -> None:
    """R-082: who produces it; which versions there are; fields and codes of the standard."""
    page = anywhere.sign_in("/catalogue/?q=DLTB&data=1")
    page.get_by_role("link", name="地类图斑", exact=True).click()
    expect(page.locator("h1")).to_have_text("地类图斑")
    expect(page.locator("main")).to_contain_text("生产单位")
    versions = page.get_by_role("region", name="版本列表").first
    expect(versions.locator("tbody tr")).to_have_count(2)
    expect(versions).to_contain_text("2025-12-31")
    expect(page.get_by_role("region", name="字段表").first).to_contain_text("DLBM")


def test_an_unknown_address_says_what_to_do(desk: Visit) -> None:
    """Errors name code and way out in both languages, and no stack trace."""
    page = desk.sign_in("/")
    desk.expects("status of 404")
    desk.open("/catalogue/00000-000/")
    expect(page.locator(".ky-problem")).to_contain_text("目录中没有 00000-000")
    expect(page.locator(".ky-problem")).to_contain_text("The catalogue has no 00000-000")
    expect(page.locator(".ky-problem-code")).to_contain_text("dataset_unknown")


def test_a_wrong_password_is_told(desk: Visit) -> None:
    """Signing in with a wrong password says so and names nothing else."""
    page = desk.open("/login")
    desk.expects("status of 401")
    page.fill("#username", "steward")
    page.fill("#password", "wrong")
    page.press("#password", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("账号或密码不对")


def test_nothing_to_complain_of(anywhere: Visit) -> None:
    """axe-core finds nothing on any page, at either size."""
    page = anywhere.open("/login")
    found = {"/login": violations(page)}
    at_work(anywhere)
    if page.viewport_size and page.viewport_size["width"] >= 768:
        page.mouse.click(*point_of(page, big_parcel(page)))
        expect(page.locator("ky-feature .ky-fields")).to_be_visible()
    found["/"] = violations(page)
    faulty = f"/deliveries/{anywhere.node.deliveries[-1]}"
    for path in ("/catalogue/", f"/catalogue/{PARCEL_LAYER}/", "/deliveries/", faulty):
        anywhere.open(path)
        if path == faulty:
            anywhere.map_still()
        found[path] = violations(page)
    assert {path: one for path, one in found.items() if one} == {}
