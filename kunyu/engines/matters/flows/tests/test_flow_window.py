"""The picture of a flow in a real Chromium under the node's own policy: a window that moves by keyboard and mouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from kunyu.engines.matters.flows.drawing import draw
from kunyu.engines.matters.flows.tests.making import REVIEW

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[5]
DIST = ROOT / "web" / "dist"
POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'"
PASSED = [
    "start",
    "f_start",
    "acceptance",
    "f_accepted",
    "accepted",
    "f_accept",
    "examination",
    "f_examined",
    "examined",
]


def page_html(picture: str) -> str:
    manifest = json.loads((DIST / "manifest.json").read_text("utf-8"))
    flow, base = manifest["src/flow.ts"], manifest["src/base.ts"]
    styles = "".join(f'<link rel="stylesheet" href="/static/{name}">' for name in [*base["css"], *flow["css"]])
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>流程</title>{styles}<script type="module" src="/static/{flow["file"]}"></script>'
        f"<body><main><h1>流程</h1><ky-flow>{picture}</ky-flow></main></body></html>"
    )


@pytest.fixture
def shown(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with the example flow at the second gateway; nothing else is served, nothing may be said on the console."""
    context = browser.new_context(viewport={"width": request.param, "height": 800})
    context.set_default_timeout(60_000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def serve(route: Route) -> None:
        path = route.request.url.partition("/static/")[2]
        if path:
            route.fulfill(path=DIST / path)
        else:
            body = page_html(draw(REVIEW, PASSED, ["planning_review", "land_use_review"]))
            route.fulfill(body=body, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    page.route("**/*", serve)
    page.goto("http://flow.test/")
    expect(page.locator(".ky-flow-tools")).to_be_visible()
    expect(page.locator("ky-flow svg")).to_have_attribute("style", re.compile("height"))
    yield page
    context.close()
    assert said == []


def seen(page: Page) -> tuple[float, ...]:
    """The part of the picture that is shown: left, top, width, height."""
    return tuple(float(one) for one in (page.get_attribute("ky-flow svg", "viewBox") or "").split())


@pytest.mark.parametrize("shown", [1280], indirect=True)
def test_by_keyboard(shown: Page):
    shown.focus("ky-flow")
    whole = seen(shown)
    shown.keyboard.press("+")
    closer = seen(shown)
    assert closer[2] == pytest.approx(whole[2] / 1.25, rel=0.01)
    shown.keyboard.press("ArrowRight")
    assert seen(shown)[0] > closer[0] and seen(shown)[1] == closer[1]
    shown.keyboard.press("0")
    assert seen(shown) == whole
    shown.keyboard.press("-")
    assert seen(shown) == whole  # never smaller than all of it


@pytest.mark.parametrize("shown", [1280], indirect=True)
def test_by_mouse(shown: Page):
    shown.get_by_role("button", name="放大").click()
    before, box = seen(shown), shown.locator("ky-flow svg").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    shown.mouse.move(x, y)
    shown.mouse.down()
    shown.mouse.move(x - 60, y, steps=3)
    shown.mouse.up()
    assert seen(shown)[0] == pytest.approx(before[0] + 60 * before[2] / box["width"], abs=1)
    shown.mouse.move(x + 50, y)
    assert seen(shown)[0] == pytest.approx(before[0] + 60 * before[2] / box["width"], abs=1)


@pytest.mark.parametrize("shown", [390], indirect=True)
def test_a_phone_begins_with_what_waits(shown: Page):
    """Large enough to be read: 12 px of text stay at least eight."""
    left, top, width, height = seen(shown)
    box = shown.evaluate(
        "(() => { const b = document.querySelector('[data-state=waiting]').getBBox(); return [b.x, b.y, b.width, b.height] })()"
    )
    assert left <= box[0] and box[0] + box[2] <= left + width and top <= box[1] and box[1] + box[3] <= top + height
    scale = shown.evaluate("document.querySelector('ky-flow svg').clientWidth") / width
    assert scale >= 0.66
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("shown", [1280, 390], indirect=True)
def test_axe_finds_nothing(shown: Page):
    shown.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))")
    shown.evaluate((ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = shown.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa']}).then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))"
    )
    assert found == []
