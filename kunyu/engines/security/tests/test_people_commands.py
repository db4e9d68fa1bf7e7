"""``kunyu user`` and ``kunyu admin``: the owner starts the three duties and then steps back (R-131)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from kunyu.engines.security.cli_administrators import app as admin_app
from kunyu.engines.security.cli_users import app as user_app
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import AdminDuty, AuditEntry, User
from kunyu.engines.security.organisation_errors import DutyHeld
from kunyu.engines.security.scope import operator
from kunyu.engines.security.services import issue_token
from kunyu.engines.security.tests.administration import World

pytestmark = pytest.mark.django_db


def run(app: Any, *arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


def test_the_owner_makes_the_first_of_each_duty_and_no_second() -> None:
    for duty in ("system", "security", "audit"):
        made = run(admin_app, "create", f"{duty}-1", "--duty", duty, "--name", "首任管理员")
        user = User.objects.get(username=f"{duty}-1")
        assert user.check_password(made["password"]) and user.must_change_password
        assert user.admin_duty.duty == duty
        with pytest.raises(DutyHeld):
            run(admin_app, "create", f"{duty}-2", "--duty", duty, "--name", "第二人")
        assert not User.objects.filter(username=f"{duty}-2").exists()  # all or nothing
    assert len(run(admin_app, "list")["administrators"]) == 3
    assert AuditEntry.objects.filter(action="appoint-administrator", actor="operator").count() == 3


def test_accounts_are_made_disabled_and_enabled() -> None:
    made = run(user_app, "create", "wang", "--name", "王工", "--division", "990101")
    assert User.objects.get(username="wang").check_password(made["password"])
    assert run(user_app, "disable", "wang", "--reason", "调查") == {"username": "wang", "active": False}
    assert [one["active"] for one in run(user_app, "list", "--division", "9901")["users"]] == [False]
    run(user_app, "enable", "wang", "--reason", "查清")
    again = run(user_app, "reset", "wang", "--reason", "忘记密码")
    assert User.objects.get(username="wang").check_password(again["password"])


def test_a_token_acts_as_its_administrator_only(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setenv("KUNYU_TOKEN", issue_token(world.li, "cli", operator()))
    for app, arguments in ((user_app, ("list",)), (user_app, ("create", "wang", "--name", "王工")),
                           (admin_app, ("create", "li", "--duty", "system"))):  # fmt: skip
        with pytest.raises(NotVisible):
            run(app, *arguments)
    assert AdminDuty.objects.count() == 4 and not User.objects.filter(username="wang").exists()
