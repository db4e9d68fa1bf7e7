"""Lists of services and of applications. 服务目录与申请列表."""

from __future__ import annotations

from typing import Any

from kunyu.engines.catalogue.register import applications, queries
from kunyu.engines.catalogue.register.models import Application, Service
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.security.scope import Principal

STATES = (
    ("draft", "未发布", "Draft"), ("published", "已发布", "Published"), ("suspended", "已暂停", "Suspended"),
    ("withdrawn", "已注销", "Withdrawn"),
)  # fmt: skip
DECISIONS = (
    ("applied", "待审批", "Applied"), ("approved", "已批准", "Approved"), ("refused", "不予批准", "Refused"),
    ("withdrawn", "已撤回", "Withdrawn"),
)  # fmt: skip
CATEGORIES = (("common", "通用服务", "Common"), ("thematic", "专题服务", "Thematic"))
_TONES: dict[str, Any] = {
    "draft": "plain", "published": "accent", "suspended": "warn", "withdrawn": "plain", "applied": "warn",
    "approved": "accent", "refused": "plain",
}  # fmt: skip


def _badge(value: str, words: tuple[tuple[str, str, str], ...]) -> Badge:
    zh, en = next((zh, en) for code, zh, en in words if code == value)
    return Badge((zh, en), _TONES[value])


def state_of(one: Service) -> Badge:
    """The state of a service as a badge."""
    return _badge(one.state, STATES)


def decision_of(one: Application) -> Badge:
    """The state of an application as a badge."""
    return _badge(one.state, DECISIONS)


def health_of(one: Service) -> Badge:
    """How many of its endpoints are well."""
    found = [endpoint.is_healthy for endpoint in one.endpoints.all()]
    well = sum(1 for healthy in found if healthy)
    if None in found and not well:
        return Badge(("未检查", "not checked"), "plain")
    words = (f"{well}/{len(found)} 正常", f"{well} of {len(found)} well")
    return Badge(words, "accent" if well == len(found) else "warn")


def services(principal: Principal) -> Listing:
    """Every registered service the person may know of."""
    actions = [Action(("我的密钥", "My keys"), "/services/keys/"), Action(("使用统计", "Use"), "/services/uses/")]
    if queries.datasets_to_register(principal):
        actions.insert(0, Action(("登记服务", "Register a service"), "/services/new", "primary"))
    return Listing(
        name="register.services",
        title=("服务目录", "Services"),
        lead=(
            "本节点与其他单位的地图服务：登记、发布、监控，按数据权限代理访问。",
            "Map services of this node and of others: registered, published, watched, and passed on under the rights on "
            "their data.",
        ),
        rows=queries.visible(principal).prefetch_related("endpoints"),
        columns=(
            Column("name", ("服务", "Service"), lambda one: Cell((one.name_zh, one.name_en or one.name_zh), note=one.code), sort="name_zh"),
            Column("category", ("类别", "Category"), lambda one: next((zh, en) for code, zh, en in CATEGORIES if code == one.category)),
            Column("kind", ("类型", "Kind"), lambda one: one.get_kind_display(), sort="kind"),
            Column("collection", ("数据集", "Dataset"), "collection", kind="code", sort="collection"),
            Column("producer", ("提供单位", "Provider"), "producer_zh", sort="producer_zh", priority=2),
            Column("state", ("状态", "State"), state_of, kind="badge", sort="state"),
            Column("health", ("健康", "Health"), health_of, kind="badge"),
        ),
        filters=(
            Filter("category", ("类别", "Category"), kind="choice", choices=CATEGORIES),
            Filter("kind", ("类型", "Kind"), kind="choice", choices=[(a, b, b) for a, b in Service.Kind.choices]),
            Filter("state", ("状态", "State"), kind="choice", choices=STATES),
        ),
        search=("code", "name_zh", "name_en", "producer_zh", "collection__startswith"),
        search_hint=("名称、编码、单位、数据集", "Name, code, provider, dataset"),
        order=("category", "code"),
        href=lambda one: f"/services/{one.code}/",
        actions=tuple(actions),
        empty=(
            "还没有登记的外部服务。本节点自身的服务列在上方；登记后，外部的 WMS、WMTS、OGC API、ArcGIS、3D Tiles 与数据一样按权限使用。",
            "No outside service is registered yet. Those of this node stand above; once registered, WMS, WMTS, OGC API, "
            "ArcGIS and 3D Tiles of others are used under the same rights as data.",
        ),
    )  # fmt: skip


def keys(principal: Principal) -> Listing:
    """One's applications, and those one may decide."""
    return Listing(
        name="register.applications",
        title=("服务申请与密钥", "Applications and keys"),
        lead=(
            "程序使用服务须先申请：数据负责人审批后领取密钥，按配额使用。",
            "A program applies before it uses services: whoever answers for the data approves, then the key is taken and "
            "used within its quota.",
        ),
        rows=applications.visible(principal).select_related("applicant", "key"),
        columns=(
            Column("id", ("编号", "No."), kind="count", sort="pk"),
            Column("name", ("程序", "Program"), sort="name"),
            Column("applicant", ("申请人", "Applicant"), lambda one: one.applicant.username, kind="person", sort="applicant__username"),
            Column("collections", ("数据集", "Datasets"), lambda one: " ".join(one.collections), kind="code"),
            Column("per_day", ("每日配额", "A day"), "per_day", kind="count", sort="per_day"),
            Column("until", ("截止", "Until"), kind="date", sort="until"),
            Column("state", ("状态", "State"), decision_of, kind="badge", sort="state"),
            Column("applied_at", ("申请时间", "Applied"), kind="time", sort="applied_at", priority=2),
        ),
        filters=(Filter("state", ("状态", "State"), kind="choice", choices=DECISIONS),),
        search=("name", "purpose", "applicant__username"),
        order=("-pk",),
        href=lambda one: f"/services/keys/{one.pk}/",
        actions=(Action(("申请密钥", "Apply for a key"), "/services/keys/apply", "primary"),),
        empty=("还没有申请。点“申请密钥”开始。", "No application yet: begin with “Apply for a key”."),
    )  # fmt: skip
