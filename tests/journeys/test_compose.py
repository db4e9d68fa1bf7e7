"""People making a thematic map: choose, classify, look, print, save, open again, in a real browser on a real node."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import JOB_MS, Visit
from tests.journeys.looking import picture, violations

pytestmark = pytest.mark.browser
PAGE = "/map/compose"
SHEET_DRAWN = "() => document.querySelector('.ky-compose-paper img').naturalWidth > 400"


def composing(visit: Visit) -> Page:
    """The page with nothing of its own on it yet but what ships with the node."""
    page = visit.sign_in(PAGE)
    expect(page.locator(".ky-compose-list li").first).to_be_visible()
    expect(page.locator(".ky-compose-layers li").first).to_be_visible()
    expect(page.locator(".ky-compose-side")).to_have_attribute("aria-busy", "false")
    return page


def choice(row: Locator, label: str) -> Locator:
    """A drop-down list by the first words of its label."""
    return row.locator("label", has_text=re.compile(f"^{label}")).locator("select")


@pytest.mark.usefixtures("worker")
def test_a_map_is_made_printed_saved_and_opened_again(desk: Visit, tmp_path: Path) -> None:
    """R-091: a layer classified by its area, seen on the sheet, printed as PDF, saved, and the same when opened."""
    page = composing(desk)
    page.get_by_label("图名（中文）").fill("坤舆县图斑面积")
    page.get_by_label("查找图层").fill("CJDCQJX")
    page.locator(".ky-compose-found button", has_text=re.compile("CJDCQJX$")).click()
    expect(page.locator(".ky-compose-name").first).to_contain_text("村级调查区")

    page.locator(".ky-compose-name", has_text="地类图斑").click()
    first = page.locator(".ky-compose-layers > li", has=page.locator(".ky-compose-look"))
    desk.expects("status of (400|422)")  # land classes, being text, have no quantiles
    choice(first, "方法").select_option("quantile")
    expect(page.locator(".ky-compose-said")).to_contain_text("不能按分位数分级")
    choice(first, "分级字段").select_option("TBMJ")
    expect(first.locator(".ky-compose-classes tbody tr")).to_have_count(5)
    counts = [int(one.replace(",", "")) for one in first.locator(".ky-compose-classes td:last-child").all_inner_texts()]
    told = first.locator(".ky-compose-classes caption").inner_text()
    assert f"共 {sum(counts):,} 条" in told
    assert max(counts) - min(counts) <= sum(counts) / 50, "quantiles hold equally many"

    page.get_by_role("button", name="版面", exact=True).click()
    sheet = page.locator(".ky-compose-paper img")
    expect(sheet).to_be_visible()
    page.wait_for_function(SHEET_DRAWN)
    picture(page, "map-compose")

    with page.expect_download(timeout=JOB_MS) as download:
        page.get_by_role("button", name="打印 PDF").click()
    path = tmp_path / "map.pdf"
    download.value.save_as(path)
    assert path.read_bytes()[:5] == b"%PDF-"
    assert path.stat().st_size > 20_000

    page.get_by_role("button", name="另存为我的图").click()
    expect(page.locator(".ky-compose-said")).to_contain_text("已保存为第 1 版")
    page.reload()
    expect(page.get_by_label("图名（中文）")).to_have_value("坤舆县图斑面积")
    expect(page.locator(".ky-compose-name").first).to_contain_text("村级调查区")
    page.locator(".ky-compose-name", has_text="地类图斑").click()
    expect(choice(first, "分级字段")).to_have_value("TBMJ")
    expect(choice(first, "方法")).to_have_value("quantile")
    expect(page.get_by_role("button", name="保存新版")).to_be_visible()


def test_nothing_to_complain_of_while_composing(anywhere: Visit) -> None:
    """axe-core finds nothing with a layer opened, and nothing on the sheet; a phone needs no sideways scrolling."""
    page = composing(anywhere)
    page.locator(".ky-compose-name").first.click()
    expect(page.locator(".ky-compose-look").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="版面", exact=True).click()
    expect(page.locator(".ky-compose-paper img")).to_be_visible()
    page.wait_for_function(SHEET_DRAWN)
    assert violations(page) == []
    assert page.viewport_size
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
