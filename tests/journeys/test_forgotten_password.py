"""A forgotten password in the browser: the counter gives a code, the applicant sets a new password on a phone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import DESKTOP, PASSWORD, PHONE, ROOT, Node, _visit
from tests.journeys.looking import violations

pytestmark = pytest.mark.browser
CODE, NAME = "110105194912310038", "赵试用"
FORMER, NEW = "correct-Horse-9", "Battery-Staple-7"
CLERK = "counter-clerk"
_MADE = f"""
import django, json
django.setup()
from django.utils import timezone
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security.models import Appointment, Post, Role, User
user = User.objects.create_user({CLERK!r}, {PASSWORD!r}, name_zh="窗口某")
bureau, _ = Organisation.objects.get_or_create(
    code="990101-CK", defaults=dict(name_zh="窗口", kind="bureau", division_code="990101"))
post = Post.objects.create(organisation=bureau, name_zh="窗口受理岗")
post.roles.add(Role.objects.get_or_create(code="case-clerk", defaults=dict(name_zh="窗口受理"))[0])
Appointment.objects.create(user=user, post=post, starts_on=timezone.localdate())
print(json.dumps(user.pk))
"""


@pytest.fixture
def clerk(node: Node, node_environment: dict[str, str]) -> str:
    """Somebody with a post of the counter."""
    command = [sys.executable, "-c", _MADE]
    done = subprocess.run(command, env=node_environment, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[-1]), done.stderr
    return CLERK


def sent(page: Page, button: str, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"[name={name}]", value)
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def sound(page: Page) -> None:
    """Nothing for axe-core to complain of and nothing to scroll sideways, at either width."""
    own: Any = page.viewport_size
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
        assert violations(page) == [], page.url
    page.set_viewport_size(own)


def test_a_forgotten_password_from_the_counter_to_the_phone(browser: Browser, node: Node, clerk: str) -> None:
    """What only a browser shows: origins of forms, refusals in transactions of their own, the code shown once."""
    visit, _ = _visit(browser, node, PHONE, "zh-hans")
    page = visit.open("/hall/sign-up")
    sent(page, "注册", name=NAME, code=CODE, phone="13800000000", password=FORMER, again=FORMER)
    page = visit.open("/login")
    page.get_by_role("link", name="忘记密码").click()
    page.wait_for_url("**/hall/reset")
    sound(page)

    at_work, _ = _visit(browser, node, DESKTOP, "zh-hans")
    desk = at_work.sign_in("/cases/", clerk)
    desk.get_by_role("link", name="申请人忘记密码").click()
    desk.wait_for_url("**/cases/reset-code")
    sound(desk)
    desk.locator("[name=document]").first.check()
    desk.check("[name=is_seen]")
    sent(desk, "开具密码重置码", code=CODE, name="赵某")
    expect(desk.locator("#form-errors")).to_contain_text("没有这个号码和名称的在用账号")
    sent(desk, "开具密码重置码", name=NAME)
    code = desk.locator("[data-reset-code]").inner_text()
    sound(desk)

    sent(page, "设置新密码", code=CODE, given="AAAA-BBBB-CCCC-DDDD", password=NEW, again=NEW)
    expect(page.locator("#form-errors")).to_contain_text("证件号码或重置码不对")
    sent(page, "设置新密码", given=code.lower(), password=NEW, again=NEW)
    assert page.url.endswith("/hall/reset/done")
    sound(page)
    page.get_by_role("link", name="去登录").click()
    page.fill("#username", CODE)
    page.fill("#password", NEW)
    page.press("#password", "Enter")
    page.wait_for_url("**/hall/")
