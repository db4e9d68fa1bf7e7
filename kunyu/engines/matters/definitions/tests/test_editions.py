"""Editions: published once, found by the nearest overlay, carried over, kept (R-010, R-302, R-310, R-358)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import InternalError, ProgrammingError, transaction
from django.utils import timezone

from kunyu.engines.matters.definitions import editions, owners
from kunyu.engines.matters.definitions.canonical import from_json
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition, Fee
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.tests.folder import BRANCH, CODE, COUNTY, FORM, read
from kunyu.engines.matters.errors import BadFlow, BadMatter, UnknownMatter
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, roles, services
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import Appointment, AuditEntry, Grant, Post, Role, User
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.session import principal_of

pytestmark = pytest.mark.django_db
OPERATOR = operator("tests")


@pytest.fixture(autouse=True)
def shipped_roles(db: None) -> None:
    roles.load_built_in(OPERATOR)


@pytest.fixture
def content(tmp_path: Path) -> Content:
    found = read(tmp_path)
    return Content(found.definitions["sample"], found.flow, found.decisions)


def publish(content: Content, division: str = "", by: Principal = OPERATOR, **changes: object) -> MatterEdition:
    return editions.publish(by, replace(content.definition, **changes), content.flow, content.tables, division)  # type: ignore[arg-type]


def owner(
    name: str, role: str = owners.ROLE, division: str = COUNTY, actions: tuple[str, ...] = ("see", "approve")
) -> Principal:
    user = User.objects.create_user(name, "a-long-password-2026")
    unit = Organisation.objects.create(code=f"KY-{name}", name_zh="局", kind="bureau", division_code=division)
    post = Post.objects.create(organisation=unit, name_zh="岗")
    post.roles.set(Role.objects.filter(code=role))
    Appointment.objects.create(user=user, post=post, starts_on=timezone.localdate())
    services.grant(user, actions, actor=OPERATOR, branch=BRANCH, division_prefix=division)
    epochs.forget()
    return principal_of(user)


def test_publishing_and_finding(content: Content) -> None:
    made = publish(content)

    assert (made.number, made.state, made.division_code, made.promised_days) == (1, "published", "", 15)
    assert editions.edition_in_use(CODE, "990101001001") == made
    assert editions.definition_of(made) == content.definition
    matter = Matter.objects.get(code=CODE)
    assert (matter.is_open, matter.branch, matter.kind) == (True, BRANCH, "01")
    entry = AuditEntry.objects.get(action="publish-matter")
    assert entry.object_id == CODE and entry.actor == "operator"


def test_fields_keep_their_order_in_the_database(content: Content) -> None:
    """jsonb orders keys by itself: the place of a field is written into the field."""
    made = publish(content)
    made.refresh_from_db()
    kept = from_json(made.definition)
    assert [one.name for one in fields_of(kept)] == list(FORM["properties"])
    moved = {**FORM, "properties": dict(reversed(FORM["properties"].items()))}
    assert publish(content, form=moved).number == 2, "another order is another edition"


def test_the_same_again_is_the_same_edition(content: Content) -> None:
    assert publish(content).pk == publish(content).pk
    assert MatterEdition.objects.count() == 1


def test_a_new_edition_retires_the_one_before_and_leaves_it_as_it_was(content: Content) -> None:
    first = publish(content)
    second = publish(content, promised_days=10)

    first.refresh_from_db()
    assert (first.state, second.state, second.number) == ("retired", "published", 2)
    assert editions.definition_of(first).promised_days == 15, "a running case points at this one"
    assert editions.edition_in_use(CODE) == second


@pytest.mark.parametrize(
    "change",
    [
        {"definition": {}},
        {"flow": "<x/>"},
        {"digest": "0" * 64},
        {"promised_days": 1},
        {"state": "draft"},
        {"number": 9},
    ],
)
def test_the_table_refuses_to_change_a_published_edition(content: Content, change: dict[str, object]) -> None:
    made = publish(content)

    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
        MatterEdition.objects.filter(pk=made.pk).update(**change)
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
        MatterEdition.objects.filter(pk=made.pk).delete()
    made.refresh_from_db()
    assert made.definition["promised_days"] == 15


def test_the_nearest_overlay_holds(content: Content) -> None:
    """R-302: local elements differ, and only where they were changed."""
    publish(content)
    province = publish(content, "99", promised_days=12)
    county = publish(content, COUNTY, promised_days=10, window_zh="政务大厅3号窗口")

    assert editions.edition_in_use(CODE, "990101001") == county
    assert editions.edition_in_use(CODE, "990102") == province
    assert editions.edition_in_use(CODE, "410100").division_code == ""
    assert county.overlay == {"promised_days": 10, "window_zh": "政务大厅3号窗口"}
    assert [one.division_code for one in editions.editions_in_use(COUNTY)] == [COUNTY]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "10"), ("name_zh", "别的名称"), ("basis", ("《别的法》",)), ("statutory_days", 30), ("levels", ("county",)),
        ("rules", ()), ("licence_kind", "other"), ("basic_code", "000115001000"), ("conditions_zh", ("别的条件",)),
        ("zones", ("internet",)), ("branch", "30402-001"),
    ],
)  # fmt: skip
def test_a_division_changes_neither_law_nor_name(content: Content, key: str, value: object) -> None:
    """R-010: one code has one name, code, kind and basis at every level."""
    content = replace(content, definition=replace(content.definition, rules=()))
    publish(content)
    changed = {key: value} if key != "rules" else {"rules": ("TT-001",)}

    with pytest.raises(BadMatter):
        publish(content, COUNTY, **changed)
    assert MatterEdition.objects.count() == 1


def test_a_change_above_is_carried_over(content: Content) -> None:
    publish(content)
    publish(content, "99", promised_days=12)
    publish(content, COUNTY, window_zh="政务大厅", promised_days=14)
    publish(content, statutory_days=13, promised_days=13, result_zh="新结果")

    province, county = (editions.definition_of(editions.edition_in_use(CODE, one)) for one in ("990102", COUNTY))
    assert (province.result_zh, province.statutory_days, province.promised_days) == ("新结果", 13, 12)
    assert (county.window_zh, county.promised_days) == ("政务大厅", 13), (
        "a promise above the new limit becomes the limit"
    )
    assert editions.history(CODE, COUNTY).count() == 2
    assert AuditEntry.objects.filter(action="carry-matter-over").count() == 2


def test_a_flow_of_ones_own_stays_when_the_flow_above_changes(content: Content) -> None:
    publish(content)
    own = content.flow.replace('name="审批流程"', 'name="本地流程"')
    publish(replace(content, flow=own), COUNTY)
    publish(content, "9902", window_zh="窗口")
    editions.publish(
        OPERATOR, content.definition, content.flow.replace('name="审批流程"', 'name="新流程"'), content.tables
    )

    assert "本地流程" in editions.edition_in_use(CODE, COUNTY).flow
    assert "新流程" in editions.edition_in_use(CODE, "990201").flow


def test_a_flow_that_does_not_fit_the_stages(content: Content) -> None:
    with pytest.raises(BadFlow):
        publish(content, stages=content.definition.stages[:-2] + content.definition.stages[-1:])
    assert not Matter.objects.exists()


def test_stages_need_roles_that_exist(content: Content) -> None:
    stages = (replace(content.definition.stages[0], role="nobody-has-it"), *content.definition.stages[1:])
    with pytest.raises(BadMatter, match="没有这个角色"):
        publish(content, stages=stages)


def test_rules_need_a_pack_that_declares_them(content: Content) -> None:
    with pytest.raises(BadMatter, match="已安装的业务包中没有这条规则"):
        publish(content, rules=("TT-001",))


def test_an_overlay_needs_something_above(content: Content) -> None:
    with pytest.raises(UnknownMatter):
        publish(content, COUNTY)


def test_who_may_publish(content: Content) -> None:
    """The right and the post together; here the right comes by direct grants."""
    Grant.objects.filter(role__code=owners.ROLE).delete()
    publish(content)
    mine = owner("mine")
    assert publish(content, COUNTY, mine, promised_days=9).published_by == "mine"
    assert owners.divisions_of(mine, BRANCH) == (COUNTY,)
    for other in (
        owner("decider", role="case-decider"),
        owner("neighbour", division="990102"),
        owner("reader", actions=("see",)),
    ):
        with pytest.raises(NotAllowed):
            publish(content, COUNTY, other, promised_days=8)
    for division in ("", "99", "990102"):
        with pytest.raises(NotAllowed):
            publish(content, division, mine, promised_days=8)
    assert editions.definition_of(editions.edition_in_use(CODE, COUNTY)).promised_days == 9


def test_nobody_gets_in_by_naming_another_branch(content: Content) -> None:
    """The branch of the matter as it stands decides, not the one that is sent."""
    Grant.objects.filter(role__code=owners.ROLE).delete()
    publish(content)
    stranger = owner("stranger")
    User.objects.get(username="stranger").grants.update(branch="30402-001")
    epochs.forget()
    stranger = principal_of(User.objects.get(username="stranger"))
    with pytest.raises(NotAllowed):
        publish(content, COUNTY, stranger, branch="30402-001")


def test_drafts_are_looked_at_before_they_hold(content: Content) -> None:
    publish(content)
    mine, other = owner("mine"), owner("other")
    changed = replace(content, definition=replace(content.definition, fee=Fee("工本费", "10元", "某规定")))
    first = editions.prepare(mine, changed, COUNTY)
    draft = editions.prepare(mine, changed, COUNTY)

    assert not MatterEdition.objects.filter(pk=first.pk).exists(), "an earlier draft goes"
    assert editions.edition_in_use(CODE, COUNTY).division_code == ""
    with pytest.raises(UnknownMatter):
        editions.publish_draft(other, draft.pk, "不是我的")
    made = editions.publish_draft(mine, draft.pk, " 县政府会议纪要 ")
    assert (made.state, made.reason, list(made.overlay)) == ("published", "县政府会议纪要", ["fee"])
    with pytest.raises(UnknownMatter):
        editions.discard_draft(mine, draft.pk)


def test_a_draft_that_no_longer_fits_is_refused(content: Content) -> None:
    publish(content)
    mine = owner("mine")
    draft = editions.prepare(mine, replace(content, definition=replace(content.definition, window_zh="窗口")), COUNTY)
    publish(content, result_zh="别的结果")

    with pytest.raises(BadMatter, match="区划不能改动这一项"):
        editions.publish_draft(mine, draft.pk, "迟了")
    assert editions.edition_in_use(CODE, COUNTY).division_code == ""


def test_the_zone_decides_where_a_matter_is_handled(content: Content, settings: object) -> None:
    """R-310: sensitive matters are handled on the business network or the classified one."""
    made = publish(content, zones=("secret",))
    assert not editions.is_of_this_zone(editions.definition_of(made)) and not made.matter.is_open
    settings.KUNYU_ZONE = "secret"  # type: ignore[attr-defined]
    assert editions.is_of_this_zone(editions.definition_of(made))
    assert editions.is_of_this_zone(Definition("T-2", "甲", "a", "01", (), ("county",)))


def test_an_unknown_matter() -> None:
    with pytest.raises(UnknownMatter):
        editions.edition_in_use("T-404", COUNTY)
