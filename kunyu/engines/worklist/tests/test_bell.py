"""The bell in a real Chromium, fed by a real events process; tasks by keyboard; nothing for axe to find (R-041, R-312)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import notices, services
from kunyu.engines.worklist.models import Notification, Task
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.engines.worklist.tests import events_process
from kunyu.engines.worklist.tests.people import acting, delivery_task

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[4]
PATIENCE_MS = 60_000
# below the 20 s after which a page that hears of nothing asks by itself
RUNG_MS = 15_000
STILL = """() => Promise.all(document.getAnimations()
  .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime)).map((one) => one.finished.catch(() => null)))"""
HEARS = """const Own = window.EventSource;
window.EventSource = class extends Own {
  constructor(...given) {
    super(...given);
    this.addEventListener('changed', () => { window.heardAt ??= performance.now(); });
  }
};"""
"""Writes down when the first event came."""
ASKED_AFTER_IT = """() => window.heardAt && performance.getEntriesByType('resource')
  .some((one) => one.name.includes('/changes') && one.startTime >= window.heardAt)"""


def opened(browser: Browser, address: str, user: User, **options: object) -> Page:
    client = Client()
    client.force_login(user)
    context = browser.new_context(locale="zh-CN", **options)  # type: ignore[arg-type]
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@pytest.fixture
def listening(live_server, settings):
    """A node whose pages listen to its events process."""
    with events_process.running(live_server.thread.port) as port:
        settings.KUNYU_EVENTS_PORT = port
        yield live_server.url


def test_the_bell_rings_without_a_reload_and_shows_what_is_running(listening, browser, li, wang):
    page, said = opened(browser, listening, li), []
    page.on("console", lambda message: said.append(message.text))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/changes" in request.url else None)
    page.add_init_script(HEARS)
    page.goto(f"{listening}/notifications/")
    summary = page.locator(".ky-bell > summary")
    expect(summary).to_have_attribute("aria-label", "通知：0 条未读；待办 0 项；可领取 0 项")
    page.wait_for_function(ASKED_AFTER_IT)
    # once at the first event; once more where a slow machine lets that event come late; then never while nothing happens
    before = len(asked)
    assert before <= 2
    page.wait_for_timeout(2500)
    assert len(asked) == before
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="北坡位移超限", level="alarm"))
    expect(page.locator(".ky-bell-count")).to_have_text("1", timeout=RUNG_MS)
    notices.notify([wang.pk], notices.Notice(kind="incident", key="k", title_zh="别人的"))
    with Reporter(Job("load:7", "load", "装载 7", href="/deliveries/", owner="li")) as told:
        told.show("装载", "loading", 30, 100)
        expect(page.locator(".ky-jobs-page .ky-job")).to_contain_text("装载 30%", timeout=RUNG_MS)
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".ky-bell-list li")).to_have_count(1)
        expect(page.locator(".ky-bell-list")).to_contain_text("北坡位移超限")
    expect(page.locator(".ky-bell-jobs")).to_contain_text("已完成", timeout=RUNG_MS)
    page.keyboard.press("Escape")
    expect(page.locator(".ky-bell-body")).to_be_hidden()
    expect(summary).to_be_focused()
    assert [one for one in said if "Content Security Policy" in one] == []


def test_two_people_and_one_task(listening, browser, li, wang):
    """The second list follows the first click within moments; by keyboard alone."""
    mine, other = opened(browser, listening, li), opened(browser, listening, wang)
    for page in (mine, other):
        page.goto(f"{listening}/tasks/claimable/")
    services.create_task(delivery_task(), operator())
    for page in (mine, other):
        expect(page.locator("[data-count=claimable]")).to_have_text("1", timeout=RUNG_MS)
        page.reload()
    button = mine.get_by_role("button", name="领取")
    button.focus()
    mine.keyboard.press("Enter")
    expect(mine.locator(".alert-success")).to_contain_text("已领取")
    expect(other.locator("[data-count=claimable]")).to_have_text("0", timeout=RUNG_MS)
    other.get_by_role("button", name="领取").click()
    expect(other.locator(".alert-danger")).to_contain_text("已由 li同志")
    assert Task.objects.get().assignee_id == li.pk


def test_without_an_events_process_the_page_asks_by_itself(live_server, browser, li, settings):
    settings.KUNYU_EVENTS_PORT = 0
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="甲"))
    page = opened(browser, live_server.url, li)
    page.goto(f"{live_server.url}/tasks/")
    expect(page.locator(".ky-bell-count")).to_have_text("1", timeout=RUNG_MS)
    page.locator(".ky-bell > summary").click()
    with page.expect_navigation():
        page.locator(".ky-bell-read").click()
    assert not Notification.objects.filter(read_at=None).exists()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(live_server, browser, li, wang, width):
    task, _ = services.create_task(delivery_task(), operator())
    services.claim(task.pk, acting(li))
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="甲", level="alarm"))
    page = opened(browser, live_server.url, li, viewport={"width": width, "height": 800})
    axe = (ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for path in (
        "/tasks/",
        f"/tasks/{task.pk}",
        "/tasks/leave",
        "/notifications/",
        "/notifications/settings",
        "/incidents/",
    ):
        page.goto(live_server.url + path)
        page.locator(".ky-bell > summary").click()
        expect(page.locator(".ky-bell-list li")).to_have_count(1)
        page.evaluate(STILL)
        page.evaluate(axe)
        found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa']}).then((r) => r.violations.map((v) => "
                              "v.id + ' ' + v.nodes.map((n) => n.html).join(' | ')))")  # fmt: skip
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
