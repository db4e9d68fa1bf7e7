"""What journeys look at a page with: axe-core, and pictures for the guide.

``KUNYU_DOC_IMAGES=1`` makes the pictures in docs/images, with 256 colours each.
"""

from __future__ import annotations

import io
import os

from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import ROOT

IMAGES = ROOT / "docs" / "images"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"


STILL = """() => Promise.all(document.getAnimations({ subtree: true })
  .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime)).map((one) => one.finished.catch(() => null)))"""
"""Ends with what moves on a page: colours half-way between two states are nobody's choice."""


def violations(page: Page) -> list[str]:
    """Whatever axe-core finds, be it ever so slight, once nothing moves any more."""
    page.evaluate(STILL)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    answer = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']} {[node['html'][:160] for node in one['nodes']][:3]}"
        for one in answer["violations"]
    ]


def picture(page: Page, name: str, of: Locator | None = None) -> None:
    """Keep a picture for the guide, if this run is to make them: of what is seen of the page, begun at ``of``."""
    if os.environ.get("KUNYU_DOC_IMAGES") != "1":
        return
    from PIL import Image

    if of is not None:
        of.evaluate("one => one.scrollIntoView({ block: 'start' })")
    expect(page.locator("ky-map[aria-busy=true]")).to_have_count(0)
    image = Image.open(io.BytesIO(page.screenshot(scale="css"))).convert("RGB").quantize(256)
    image.save(IMAGES / f"{name}.png", optimize=True)
