"""The tools of the map in a real browser: measure, plot, filter, table, export, lineage (R-091, R-092, R-145, R-169, R-170)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyogrio.raw
import pytest
import shapely
from playwright.sync_api import Page, expect
from pyproj import Geod

from kunyu.kernel.geodesy import area_of_lonlat
from tests.journeys.conftest import JOB_MS, Visit
from tests.journeys.looking import picture, violations
from tests.journeys.test_workbench import at_work

pytestmark = pytest.mark.browser
PARCELS = "10401-003"
TOOLS = {
    "measure": "ky-measure .kt-body",
    "plot": "ky-plot .kt-body",
    "filter": "ky-filter .kt-choices",
    "table": "ky-table tbody tr[data-id]",
    "export": "ky-export form",
    "lineage": "ky-lineage :is([data-kind=delivery], .kt-steps li)",
}
CGCS2000 = Geod(a=6378137.0, rf=298.257222101)


def open_tool(page: Page, tool: str) -> None:
    """Open a tool from the strip; on a phone the strip is a sheet, and a table that covers it is closed first."""
    strip, body = page.locator(f"[data-tool={tool}]"), page.locator(".ky-tool-body")
    if page.viewport_size and page.viewport_size["width"] < 768:
        table = page.locator(".ky-table-place")
        if table.is_visible():
            table.locator("button[aria-label^='关闭']").click()
            expect(table).to_be_hidden()
        if not strip.is_visible():
            page.locator(".ky-sheet-tabs button").nth(2).click()
    strip.click()
    expect(strip).to_have_attribute("aria-pressed", "true")
    # until its panel has come, the tool does not hear the map
    expect(body).to_have_attribute("aria-busy", "false")


def place_of(page: Page, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude under a pixel of the page."""
    lon, lat = page.evaluate(
        """([x, y]) => { const map = document.querySelector('ky-map').map;
          const box = map.getCanvas().getBoundingClientRect();
          return map.unproject([x - box.left, y - box.top]).toArray(); }""",
        [x, y],
    )
    return lon, lat


def draw(page: Page, corners: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Click corners, too far from one another for double clicks; the places clicked."""
    places = []
    for x, y in corners:
        places.append(place_of(page, x, y))
        page.mouse.click(x, y)
    return places


CORNERS = [(700, 300), (800, 320), (780, 420), (720, 400)]


def test_measuring_agrees_with_the_server(desk: Visit) -> None:
    """R-091: an area drawn reads what kernel.geodesy says of it, a line what the geodesic is; Backspace takes back."""
    page = at_work(desk)
    open_tool(page, "measure")
    panel = page.locator("ky-measure")
    panel.get_by_role("button", name="面积", exact=True).click()
    places = draw(page, CORNERS)
    expected = float(area_of_lonlat([shapely.Polygon(places)])[0])
    panel.get_by_role("button", name="完成").click()
    expect(panel.locator("[data-figure=m2]")).to_have_text(f"{expected:,.2f} m²")
    expect(panel.locator("[data-figure=ha]")).to_have_text(f"{expected / 1e4:,.4f} 公顷")
    picture(page, "map-tools-measure")

    panel.get_by_role("button", name="距离", exact=True).click()
    for text in ("113.0, 34.5", "113.2, 34.45", "38408158.3333, 3819578.8831"):
        panel.locator("#kt-measure-point").fill(text)
        panel.locator("#kt-measure-point").press("Enter")
    length = CGCS2000.line_length([113.0, 113.2, 113.0], [34.5, 34.45, 34.5])
    expect(panel.locator("[data-figure=length]")).to_have_text(f"{length / 1000:,.3f} km")
    panel.get_by_role("button", name="撤回一点").click()
    expect(panel.locator("tbody tr")).to_have_count(2)


def over_the_red_line(visit: Visit) -> None:
    """Move the map so that the corners lie around ground within the ecological red line."""
    answer = visit.page.request.get(f"{visit.node.address}/ogc/collections/20201-001/items?limit=200")
    pieces = shapely.from_geojson([json.dumps(one["geometry"]) for one in answer.json()["features"]])
    # the one in the middle, so that the plot does not reach beyond the county
    middle = shapely.union_all(pieces).envelope.centroid
    inside = pieces[shapely.distance(pieces, middle).argmin()].representative_point()
    visit.page.evaluate(
        """([lon, lat, x, y]) => { const { map } = document.querySelector('ky-map');
          const box = map.getCanvas().getBoundingClientRect();
          map.jumpTo({ center: [lon, lat], zoom: 15 });
          map.panBy([box.width / 2 - (x - box.left), box.height / 2 - (y - box.top)], { animate: false }); }""",
        [inside.x, inside.y, 750, 360],
    )
    visit.map_still()


def test_a_plot_gets_its_classes_conflicts_and_history_at_once(desk: Visit) -> None:
    """R-092, R-169: one panel tells classes, control lines and history; the classes add up to the plot."""
    page = at_work(desk)
    over_the_red_line(desk)
    open_tool(page, "plot")
    panel = page.locator("ky-plot")
    places = draw(page, CORNERS)
    page.mouse.click(*CORNERS[0])
    expect(panel.locator("[data-part=overlaps] .kt-verdict")).to_be_visible()
    for part in ("overlaps", "classes", "history"):
        expect(panel.locator(f"[data-part={part}]")).to_have_attribute("aria-busy", "false")
    expect(panel.locator("[data-part=history] .kt-times > li")).to_have_count(2)
    expected = float(area_of_lonlat([shapely.Polygon(places)])[0])
    shown = float(panel.locator("[data-figure=m2]").get_attribute("data-m2") or 0)
    assert shown == pytest.approx(expected, rel=1e-8)
    classes = panel.locator("[data-table=classes] td[data-m2]").evaluate_all(
        "cells => cells.map((one) => Number(one.dataset.m2))"
    )
    # cutting an edge adds vertices, and the standard's trapezoids answer to each of them (kernel.geodesy): told as a row
    assert sum(classes) == pytest.approx(expected, rel=1e-5)
    cut = panel.locator("[data-cut]")
    told = float(cut.get_attribute("data-cut") or 0) if cut.count() else 0
    assert sum(classes) + told == pytest.approx(expected, abs=0.005 * 1.01)
    expect(panel.locator("ky-chart svg")).to_be_visible()
    red_line = panel.locator("li[data-collection='20201-001']")
    expect(red_line).to_have_attribute("data-verdict", "conflict")
    expect(panel.locator("li[data-verdict=not_checked]").first).to_contain_text("没有已发布的图层")
    expect(panel.locator("[data-digest=overlaps]")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    picture(page, "map-tools-plot")

    before = page.evaluate("document.querySelector('ky-map').map.getZoom()")
    if not red_line.locator(".kt-pieces button").first.is_visible():  # few pieces are told at once
        red_line.locator("summary").click()
    red_line.locator(".kt-pieces button").first.click()
    desk.map_still()
    assert page.evaluate("document.querySelector('ky-map').map.getZoom()") > before


def test_a_filter_holds_for_map_and_table(desk: Visit) -> None:
    """R-091: the same condition narrows tiles and rows; what the node cannot read is told in its words."""
    page = at_work(desk)
    open_tool(page, "filter")
    panel = page.locator("ky-filter")
    panel.locator(".kt-choices input[value='0103']").check()
    panel.get_by_role("button", name="应用筛选").click()
    matched = int(panel.locator("[data-matched]").get_attribute("data-matched") or 0)
    assert matched > 0
    desk.map_still()
    codes = page.evaluate(
        "() => [...new Set(document.querySelector('ky-map').map.queryRenderedFeatures({ layers: ['10401-003|fill'] })"
        ".map((one) => one.properties.DLBM))]"
    )
    assert codes == ["0103"]

    open_tool(page, "table")
    expect(page.locator("ky-table .kt-count")).to_have_attribute("data-matched", str(matched))
    page.locator("ky-table thead button", has_text="图斑编号").click()
    expect(page.locator("ky-table th[aria-sort=ascending]")).to_have_count(1)
    expect(page.locator("ky-table .kt-count")).to_have_attribute("data-matched", str(matched))
    page.locator("ky-table tbody tr[data-id]").nth(1).click()
    expect(page.locator("ky-table tr.is-chosen")).to_have_count(1)
    desk.map_still()
    assert page.evaluate("document.querySelector('ky-map').map.getZoom()") > 14
    picture(page, "map-tools-table")

    open_tool(page, "filter")
    panel.get_by_role("button", name="CQL2 文本").click()
    desk.expects("status of (400|422)")
    panel.locator("#kt-cql").fill("NOFIELD = 1")
    panel.get_by_role("button", name="应用筛选").click()
    expect(panel.locator("#kt-filter-problem")).to_contain_text("NOFIELD")


@pytest.mark.usefixtures("worker")
def test_an_export_downloads_a_readable_file(desk: Visit, tmp_path: Path) -> None:
    """R-091: a GeoPackage made in the background holds exactly the rows that were filtered."""
    page = at_work(desk)
    page.goto("about:blank")  # an address that differs after its # alone would load nothing anew
    page.goto(f"{desk.node.address}/#layers={PARCELS}*1.00*DLBM%20%3D%20'0103'")
    desk.map_still()
    open_tool(page, "export")
    page.get_by_role("button", name="开始导出").click()
    link = page.locator(".kt-order a[download]")
    expect(link).to_be_visible(timeout=JOB_MS)
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "export.gpkg"
    download.value.save_as(path)
    meta, _, geometries, columns = pyogrio.raw.read(path, columns=["DLBM"])
    assert meta["geometry_type"] == "MultiPolygon"
    assert len(geometries) > 0
    assert set(columns[0]) == {"0103"}


def test_lineage_leads_to_the_delivery(desk: Visit) -> None:
    """R-145, R-170: from a layer back to the package it came in, by keyboard, and to its page."""
    page = at_work(desk)
    open_tool(page, "lineage")
    panel = page.locator("ky-lineage")
    expect(panel.locator("[data-kind=delivery]").first).to_be_visible()
    desk.map_still()
    panel.locator("[data-kind=delivery]").first.click()
    link = panel.locator(".kt-node a")
    expect(link).to_have_attribute("href", re.compile(r"^/deliveries/\d+"))
    panel.locator(".kt-step.is-on").focus()
    page.keyboard.press("ArrowLeft")
    expect(panel.locator(".kt-step.is-on")).not_to_have_attribute("data-kind", "delivery")
    picture(page, "map-tools-lineage")
    panel.get_by_role("button", name="文字").click()
    expect(panel.locator(".kt-steps li").first).to_be_visible()


def test_nothing_to_complain_of_in_any_tool(anywhere: Visit) -> None:
    """axe-core finds nothing in any tool, on a desk and on a phone."""
    page = at_work(anywhere)
    found = {}
    for tool, ready in TOOLS.items():
        open_tool(page, tool)
        expect(page.locator(ready).first).to_be_visible()
        found[tool] = violations(page)
    assert found == {tool: [] for tool in TOOLS}
