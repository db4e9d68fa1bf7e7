"""Pages and API of matters: an owner changes, previews, publishes; everybody reads guides (R-010, R-298, R-300, R-301)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from typer.testing import CliRunner

from kunyu.engines.matters.definitions import cli, editions, shipped
from kunyu.engines.matters.definitions.canonical import in_order
from kunyu.engines.matters.definitions.editing import values_text
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.tests.folder import CODE, COUNTY, FORM, matter, read, write
from kunyu.engines.matters.definitions.tests.test_editions import OPERATOR, owner, publish
from kunyu.engines.matters.models import MatterEdition
from kunyu.engines.security import roles
from kunyu.engines.security.models import User
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db


@pytest.fixture
def content(tmp_path: Path) -> Content:
    roles.load_built_in(OPERATOR)
    found = read(tmp_path)
    made = Content(found.definitions["sample"], found.flow, found.decisions)
    publish(made)
    return made


def browser(name: str, **rights: Any) -> Client:
    owner(name, **rights)
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def once(client: Client, address: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', client.get(address).content.decode())
    assert found is not None
    return found[1]


def test_an_owner_changes_a_time_limit_and_sees_it_before_it_holds(content: Content) -> None:
    client = browser("li")
    new = f"/matters/{CODE}/new?division={COUNTY}"
    text = values_text(content, COUNTY).replace("promised_days = 15", "promised_days = 8")
    answer = client.post(new, {"once": once(client, new), "values": text})
    draft = MatterEdition.objects.get(state="draft")

    assert (answer.status_code, answer["Location"]) == (302, f"/matters/{CODE}/editions/{draft.pk}/")
    shown = client.get(answer["Location"]).content.decode()
    assert (
        "承诺时限（工作日）" in shown and "<svg" in shown and editions.edition_in_use(CODE, COUNTY).division_code == ""
    )
    publishing = f"/matters/{CODE}/editions/{draft.pk}/publish"
    answer = client.post(publishing, {"once": once(client, publishing), "reason": "县政府要求"})
    assert (answer.status_code, answer["Location"]) == (302, f"/matters/{CODE}/")
    held = editions.edition_in_use(CODE, COUNTY)
    assert (held.promised_days, held.reason, held.published_by) == (8, "县政府要求", "li")
    assert "县政府要求" in client.get(f"/matters/{CODE}/?division={COUNTY}").content.decode()


def test_a_flow_with_a_fault_is_drawn_with_the_fault_marked(content: Content) -> None:
    """R-358: a drawn flow is checked before anything is kept, and the page shows where it is wrong."""
    client = browser("li")
    new = f"/matters/{CODE}/new?division={COUNTY}"
    spoilt = content.flow.replace("${outcome == 'accept'}", "${__import__('os')}").encode()
    answer = client.post(new, {
        "once": once(client, new), "values": values_text(content, COUNTY), "flow_file": SimpleUploadedFile("f.bpmn", spoilt),
    })  # fmt: skip
    shown = answer.content.decode()

    assert answer.status_code == 422
    assert 'id="faulty-flow"' in shown and "<svg" in shown and "f_accept" in shown
    assert not MatterEdition.objects.filter(state="draft").exists()


def test_a_form_with_a_fault_is_named_beside_its_field(content: Content) -> None:
    client = browser("li")
    new = f"/matters/{CODE}/new?division={COUNTY}"
    bad = json.dumps({**FORM, "properties": {"use": {"$ref": "#"}}}).encode()
    answer = client.post(new, {
        "once": once(client, new), "values": values_text(content, COUNTY), "form_file": SimpleUploadedFile("f.json", bad),
    })  # fmt: skip

    assert answer.status_code == 422 and 'href="#id_form_file"' in answer.content.decode()


def test_a_draft_is_discarded(content: Content) -> None:
    client = browser("li")
    draft = editions.prepare(owner("wang"), content, COUNTY)
    assert client.get(f"/matters/{CODE}/editions/{draft.pk}/").status_code == 404, "another's draft is not there"
    client.force_login(User.objects.get(username="wang"))
    address = f"/matters/{CODE}/editions/{draft.pk}/discard"
    assert client.post(address, {"once": once(client, address)}).status_code == 302
    assert not MatterEdition.objects.filter(state="draft").exists()


def test_looking_without_owning(content: Content) -> None:
    reader = browser("reader", role="case-clerk", actions=("see",))
    shown = reader.get(f"/matters/{CODE}/").content.decode()

    assert "试验事项" in shown and "/new?division" not in shown
    assert reader.get(f"/matters/{CODE}/new?division={COUNTY}").status_code == 403
    assert reader.post(f"/matters/{CODE}/new?division={COUNTY}", {"values": ""}).status_code == 403
    assert Client().get("/matters/").status_code == 302
    User.objects.create_user("nobody", "a-long-password-2026")
    stranger = Client()
    stranger.force_login(User.objects.get(username="nobody"))
    assert stranger.get(f"/matters/{CODE}/").status_code == 404


def test_files_of_an_edition_go_to_the_modeller_and_back(content: Content) -> None:
    client = browser("li")
    one = editions.edition_in_use(CODE)
    form, flow, table, none = (
        client.get(f"/matters/{CODE}/editions/{one.pk}/{name}")
        for name in ("form.json", "workflow.bpmn", "level.dmn", "x.dmn")
    )
    sent = json.loads(form.content)
    assert sent == in_order(FORM) and list(sent["properties"]) == list(FORM["properties"])
    assert form["Content-Disposition"] == f'attachment; filename="{CODE}-form.json"'
    assert flow.content.decode() == content.flow and table.content.decode() == content.tables["level"]
    assert none.status_code == 404


def test_the_list_and_what_guides_lack(content: Content) -> None:
    client = browser("li")
    assert CODE in client.get("/matters/").content.decode()
    assert CODE not in client.get("/matters/?q=nothing-like-it").content.decode()
    shown = client.get("/matters/completeness/").content.decode()
    assert CODE in shown and "咨询与投诉" in shown
    assert client.get("/matters/", headers={"accept-language": "en"}).status_code == 200


def test_comparing_lists_on_the_page(content: Content) -> None:
    """R-010, R-300."""
    client = browser("li")
    theirs = SimpleUploadedFile(
        "县级.csv", f"编码,名称,类型,依据\n{CODE},试验事项（改）,01,《试验法》第一条\n".encode()
    )
    answer = client.post("/matters/comparison/", {"file": theirs, "level": "county"})

    assert answer.status_code == 200 and "试验事项（改）" in answer.content.decode()
    broken = client.post("/matters/comparison/", {"file": SimpleUploadedFile("a.json", b"{"), "level": ""})
    assert broken.status_code == 422 and "无法读取" in broken.content.decode()


# -- API ------------------------------------------------------------------------------------------------------------


def test_everybody_reads_the_catalogue_and_its_guides(content: Content) -> None:
    """R-298, R-301: without signing in."""
    publish(content, COUNTY, window_zh="3号窗口")
    (one,) = Client().get(f"/api/matters?division={COUNTY}").json()
    assert (one["code"], one["promised_days"], one["edition"], one["division"], one["is_open"]) == (
        CODE,
        15,
        1,
        COUNTY,
        True,
    )
    guide = Client().get(f"/api/matters/{CODE}?division={COUNTY}").json()
    assert {part["code"] for part in guide["parts"]} >= {"basis", "materials", "limit", "steps", "window"}
    form = Client().get(f"/api/matters/{CODE}/form").json()
    assert form["$schema"].endswith("2020-12/schema") and form["required"] == ["use", "declared_area_m2"]
    assert Client().get("/api/matters/T-404").status_code == 404
    assert Client().get("/api/matters/T-404?division=99x").status_code == 422


def test_matters_of_another_network_are_not_there(content: Content) -> None:
    """R-310."""
    publish(content, zones=("secret",))
    assert Client().get("/api/matters").json() == []
    assert Client().get(f"/api/matters/{CODE}").status_code == 404
    assert Client().get(f"/api/matters/{CODE}/form").status_code == 404


def test_editions_are_for_staff(content: Content) -> None:
    publish(content, promised_days=9)
    address = f"/api/matters/{CODE}/editions"
    assert Client().get(address).status_code == 401
    client = browser("li")
    assert [(one["number"], one["state"]) for one in client.get(address).json()] == [(2, "published"), (1, "retired")]
    whole = client.get(f"{address}/2").json()
    assert [(one["key"], one["before"], one["after"]) for one in whole["differences"]] == [("promised_days", "15", "9")]
    assert client.get(f"{address}/9").status_code == 404
    theirs = SimpleUploadedFile("a.csv", f"code,name_zh,kind,basis\n{CODE},试验事项,10,《试验法》第一条\n".encode())
    report = client.post("/api/matters/comparison", {"file": theirs}).json()
    assert report == {"consistent": False, "compared": 1, "missing": [], "surplus": [],
                      "deviations": [{"code": CODE, "key": "kind", "ours": "01", "theirs": "10"}]}  # fmt: skip
    assert CODE in {one["code"] for one in client.get("/api/matters/completeness").json()}


# -- command --------------------------------------------------------------------------------------------------------


def test_the_command_compares_and_publishes(content: Content, tmp_path: Path) -> None:
    run = CliRunner().invoke
    listed = tmp_path / "county.json"
    listed.write_text(
        json.dumps([{"code": CODE, "name_zh": "试验事项", "kind": "01", "basis": ["《试验法》第一条"]}]), "utf-8"
    )
    same = run(cli.app, ["compare", str(listed), "--json"])
    assert same.exit_code == 0 and json.loads(same.stdout)["consistent"] is True
    listed.write_text(
        json.dumps([{"code": CODE, "name_zh": "别名", "kind": "01", "basis": ["《试验法》第一条"]}]), "utf-8"
    )
    assert run(cli.app, ["compare", str(listed)]).exit_code == 1
    assert run(cli.app, ["missing"]).exit_code == 1
    folder = write(tmp_path / "folder", matter(rules=[], promised_days=7))
    made = run(cli.app, ["publish", str(folder), "--why", "试行", "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)[0]["edition"] == 2 and editions.edition_in_use(CODE).promised_days == 7
    assert isinstance(run(cli.app, ["publish", str(tmp_path / "none")]).exception, KunyuError)


def test_the_shipped_catalogue_is_listed_whole() -> None:
    """R-298, R-300: 55 matters, each with its guide."""
    shipped.load(OPERATOR)
    listed = {one["code"]: one for one in Client().get("/api/matters").json()}

    assert len(listed) >= 55 and listed["S-001"]["statutory_days"] == 20
    assert replace(editions.definition_of(editions.edition_in_use("S-001")), code="S-001").levels[0] == "ministry"
