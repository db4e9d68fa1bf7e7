"""``kunyu role``, ``grant`` and ``label`` do what the pages do; the operator is no security administrator (R-035, R-041)."""

from __future__ import annotations

import json

import pytest

from kunyu.engines.catalogue.permissions.tests.city import administrator, person, prepare
from kunyu.engines.security import services
from kunyu.engines.security.models import AccessToken, Grant, User
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import operator
from kunyu.project.cli.main import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def an(db: None) -> None:
    """A security administrator of city 9901; the catalogue and the built-in roles are loaded."""
    prepare()
    administrator("security")


@pytest.fixture
def token(an: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The administrator's token that carries his duty."""
    user = User.objects.get(username="security9901")
    text = services.issue_token(user, "cli", operator())
    AccessToken.objects.filter(user=user).update(administration=True)
    monkeypatch.setenv("KUNYU_TOKEN", text)
    return text


def test_the_commands_do_what_the_pages_do(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    person("li")
    add = ["grant", "add", "--user", "li", "--action", "see", "--action", "query", "--branch", "104", "--division",
           "990101", "--reason", "变更调查", "--until", "2099-12-31", "--json"]  # fmt: skip
    assert run(add) == 0
    made = json.loads(capsys.readouterr().out)["granted"]
    assert [one["action"] for one in made] == ["see", "query"]
    assert run(["grant", "list", "--user", "li", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["grants"]) == 2
    assert run(["grant", "why", "li", "10401-003", "--action", "download"]) == 0
    told = capsys.readouterr().out
    assert "不能" in told and "✗ 授权" in told
    assert run(["role", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["roles"]) >= 8
    assert run(["grant", "revoke", str(made[0]["id"]), "--reason", "调离"]) == 0
    assert Grant.objects.filter(user__username="li").count() == 1
    capsys.readouterr()
    assert run(["label", "list", "--state", "proposed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]


@pytest.mark.parametrize(
    "command",
    [
        ["role", "list"], ["grant", "list"], ["grant", "revoke", "1", "--reason", "x"], ["label", "approve", "1"],
        ["grant", "add", "--user", "li", "--action", "see", "--reason", "x"], ["label", "reject", "1", "--reason", "x"],
        ["grant", "why", "li", "10401-003"],
    ],
)  # fmt: skip
def test_the_operator_is_no_security_administrator(
    an: None, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node's owner neither grants nor approves nor reads who has what."""
    monkeypatch.delenv("KUNYU_TOKEN", raising=False)
    person("li")
    before = (Grant.objects.count(), LabelRow.objects.filter(state="approved").count())
    assert run(command) == 4
    assert "not_security_administrator" in capsys.readouterr().err
    assert (Grant.objects.count(), LabelRow.objects.filter(state="approved").count()) == before


@pytest.mark.parametrize("bad", [["--until", "昨天"], ["--secrecy", "很密"], ["--action", "own"]])
def test_wrong_words_are_wrong_usage(token: str, bad: list[str]) -> None:
    person("li")
    add = ["grant", "add", "--user", "li", "--action", "see", "--division", "990101", "--reason", "x", *bad]
    assert run(add) == 2
    assert not Grant.objects.filter(user__username="li").exists()
