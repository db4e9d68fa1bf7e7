"""The organisation of a demonstration node: the bureau of the fictional county, posts with shipped roles. 演示单位.

Made by the node's owner at ``up``, outside production only. What stands is left as it is: people may have changed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import audit, roles
from kunyu.engines.security.models import AdminDuty, Appointment, Post, Role, User
from kunyu.engines.security.scope import Principal

COUNTY = "990101"
IN_OFFICE_DAYS = 200


@dataclass(frozen=True)
class DemoUnit:
    """A unit of the fictional bureau; ``parent`` '' is its root."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    parent: str = ""


UNITS = (
    DemoUnit("990101-ZR", "坤舆县自然资源局", "Kunyu County Bureau of Natural Resources", "bureau"),
    DemoUnit("990101-ZR-DC", "调查监测科", "Survey and Monitoring Section", "department", "990101-ZR"),
    DemoUnit("990101-ZR-GH", "国土空间规划科", "Spatial Planning Section", "department", "990101-ZR"),
    DemoUnit("990101-ZR-YT", "用途管制科", "Land Use Control Section", "department", "990101-ZR"),
    DemoUnit("990101-ZR-ZW", "政务服务窗口", "Service Counter", "department", "990101-ZR"),
    DemoUnit("990101-ZR-XX", "信息中心", "Information Centre", "unit", "990101-ZR"),
    DemoUnit("990101-WB", "坤舆测绘队", "Kunyu Survey Team", "outside", "990101-ZR"),
)
# account → (unit, Chinese name, English name, role); vacant ones show what a chart looks like
POSTS = {
    "steward": ("990101-ZR-XX", "数据管理岗", "Data steward", "data-steward"),
    "checker": ("990101-ZR-DC", "质量检查岗", "Quality checker", "checker"),
    "surveyor": ("990101-WB", "测绘作业岗", "Surveyor", "surveyor"),
    "viewer": ("990101-ZR-GH", "规划业务岗", "Planning officer", "viewer"),
    "vacant": ("990101-ZR-GH", "审批经办岗", "Examiner", "examiner"),
    "clerk": ("990101-ZR-ZW", "窗口受理岗", "Clerk", "case-clerk"),
    "examiner": ("990101-ZR-YT", "审查承办岗", "Case examiner", "case-examiner"),
    "reviewer": ("990101-ZR-GH", "会审复核岗", "Case reviewer", "case-reviewer"),
    "decider": ("990101-ZR", "审批决定岗", "Case decider", "case-decider"),
    "owner": ("990101-ZR-ZW", "事项管理岗", "Matter owner", "matter-owner"),
}


def ensure(actor: Principal) -> dict[str, Post]:
    """Make the units and posts that are missing, with their roles; posts by the account they are for."""
    roles.load_built_in(actor)
    units: dict[str, Organisation] = {}
    for one in UNITS:
        units[one.code] = _unit(one, units.get(one.parent), actor)
    return {account: _post(units[code], zh, en, role, actor) for account, (code, zh, en, role) in POSTS.items()}


def _unit(given: DemoUnit, parent: Organisation | None, actor: Principal) -> Organisation:
    found = Organisation.objects.filter(code=given.code).first()
    if found is not None:
        return found
    unit = Organisation.objects.create(
        code=given.code,
        name_zh=given.name_zh,
        name_en=given.name_en,
        kind=given.kind,
        parent=parent,
        division_code=COUNTY,
    )
    unit.path = f"{parent.path if parent else ''}{unit.pk}/"
    unit.save(update_fields=["path"])
    audit.record(actor, "create", "organisation", unit.code, name=unit.name_zh, division=COUNTY)
    return unit


def _post(unit: Organisation, name_zh: str, name_en: str, role: str, actor: Principal) -> Post:
    post, made = Post.objects.get_or_create(organisation=unit, name_zh=name_zh, defaults={"name_en": name_en})
    if made:
        post.roles.set(Role.objects.filter(code=role))
        audit.record(actor, "create", "post", post.pk, name=name_zh, organisation=unit.code, roles=[role])
    return post


def appoint(user: User, post: Post, actor: Principal) -> None:
    """Appoint a demonstration account to its post, in office for a while: samples tell of the past weeks."""
    since = timezone.localdate() - timedelta(days=IN_OFFICE_DAYS)
    Appointment.objects.create(user=user, post=post, starts_on=since)
    audit.record(actor, "appoint", "user", user.username, post=str(post), reason="演示账户")


def administer(user: User, duty: str, actor: Principal) -> None:
    """Make a demonstration account an administrator, unless the duty has somebody already."""
    if not AdminDuty.objects.filter(duty=duty).exists():
        AdminDuty.objects.create(user=user, duty=duty, division_prefix="", appointed_by=actor.name)
        audit.record(actor, "appoint-administrator", "user", user.username, duty=duty, division="", reason="演示账户")
