"""Parts of the administration, each for its duty; what a person may not do is not shown. 管理."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from kunyu.engines.pages.record import Event, Tab
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import duties, managing
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

HISTORY_SHOWN = 30


@dataclass(frozen=True)
class Section:
    """One entry of the navigation group 管理."""

    title: Pair
    href: str
    duties: tuple[str, ...]
    about: Pair


SECTIONS = (
    Section(("单位", "Organisations"), "/admin/organisations/", (duties.SYSTEM,),
            ("单位的新建、更名、调整隶属和撤销。", "Make, rename, move and close organisations.")),
    Section(("岗位", "Posts"), "/admin/posts/", (duties.SYSTEM,),
            ("设置岗位，安排任职。", "Set up posts and appoint people.")),
    Section(("用户", "Users"), "/admin/users/", (duties.SYSTEM,),
            ("建立账号、重置密码、停用和离岗。", "Make accounts, reset passwords, disable, let people leave.")),
    Section(("组织图", "Chart"), "/admin/organisations/chart", (duties.SYSTEM,),
            ("整棵组织树、岗位和在任的人。", "The whole tree, its posts and who holds them.")),
    Section(("批量导入", "Import"), "/admin/import/", (duties.SYSTEM,),
            ("用表格导入单位、岗位和用户，先核对后生效。", "Organisations, posts and users from a spreadsheet.")),
    Section(("离岗交接", "Handovers"), "/admin/handovers/", (duties.SYSTEM,),
            ("谁离岗、谁接替、收回了什么。", "Who left, who took over, what was withdrawn.")),
    Section(("人员安全", "People"), "/admin/people/", (duties.SECURITY,),
            ("涉密等级、验证方式和数字证书。", "Clearances, second factors and certificates.")),
    Section(("角色", "Roles"), "/admin/roles/", (duties.SECURITY,),
            ("每个角色能对哪些数据做什么。", "What each role may do to which data.")),
    Section(("授权", "Grants"), "/admin/grants/", (duties.SECURITY,),
            ("按角色或人员、区划、数据和标记授权，到期和收回。", "Grants by role or person, division, data and label.")),
    Section(("谁能看", "Who may"), "/admin/access/", (duties.SECURITY,),
            ("某人为什么能看或不能看；某数据谁能看。", "Why somebody may or may not; who may see a dataset.")),
    Section(("数据标记", "Labels"), "/admin/labels/", (duties.SECURITY,),
            ("数据集的密级、分级和共享类型：审批与历史。", "Secrecy, grading and sharing of datasets: approval and history.")),
    Section(("要素标记", "Record labels"), "/admin/record-labels/", (duties.SECURITY,),
            ("个别要素高于数据集的标记。", "Labels of single records stricter than their dataset's.")),
    Section(("网络分区", "Zone"), "/admin/zone/", (duties.SECURITY,),
            ("本节点在哪个网络，能存放什么。", "Which network this node stands in and what it may hold.")),
    Section(("岗位角色", "Roles of posts"), "/admin/post-roles/", (duties.SECURITY,),
            ("决定每个岗位有哪些角色。", "Decide which roles each post has.")),
    Section(("电子印章", "Seals"), "/admin/seals/", (duties.SYSTEM, duties.SECURITY, duties.AUDIT),
            ("印章的制作、启用、停用、销毁和用印记录。", "Make, approve, stop and destroy seals; what they sealed.")),
    Section(("审计", "Audit"), "/audit/", (duties.AUDIT,),
            ("谁在何时对何物做了什么，结果如何。", "Who did what to which object, with which result.")),
    Section(("管理员", "Administrators"), "/admin/administrators/", (duties.SYSTEM, duties.SECURITY, duties.AUDIT),
            ("向下级区划委派同类管理员。", "Appoint administrators of your own duty down the tree.")),
)  # fmt: skip


def of(principal: Principal) -> list[Section]:
    return [one for one in SECTIONS if principal.duty in one.duties]


def tabs(principal: Principal, current: str) -> list[Tab]:
    """Links to the parts of the person's duty; ``current`` is the address of the one shown."""
    return [Tab(one.title, one.href, one.href == current) for one in of(principal)]


def page_of(*wanted: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A page of administrators with one of the ``wanted`` duties; for everybody else it does not exist."""

    def around(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            managing.reach(request.principal, *wanted)  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return login_needed(guarded)

    return around


system_page = page_of(duties.SYSTEM)
security_page = page_of(duties.SECURITY)
any_duty_page = page_of(duties.SYSTEM, duties.SECURITY, duties.AUDIT)


@any_duty_page
def home(request: HttpRequest) -> HttpResponse:
    """What this administrator does; with one part only, that part."""
    found = of(request.principal)  # type: ignore[attr-defined]
    if len(found) == 1:
        return redirect(found[0].href)
    duty = dict(managing_names())[request.principal.duty]  # type: ignore[attr-defined]
    return render(request, "security/admin/home.html", {"sections": found, "duty": duty})


def managing_names() -> list[tuple[str, Pair]]:
    """The three duties as they are called."""
    return [
        (duties.SYSTEM, ("系统管理员", "System administrator")),
        (duties.SECURITY, ("安全管理员", "Security administrator")),
        (duties.AUDIT, ("审计管理员", "Audit administrator")),
    ]


# what the audit calls an act, as a record's history says it
ACTS: dict[str, Pair] = {
    "create": ("新建", "made"), "rename": ("更名", "renamed"), "move": ("调整隶属", "moved"), "close": ("撤销", "closed"),
    "set-roles": ("设置角色", "roles set"), "appoint": ("任职", "appointed"), "end-appointment": ("定任职止日", "last day set"),
    "leave-post": ("离岗", "left"), "disable": ("停用", "disabled"), "enable": ("启用", "enabled"), "reset": ("重置密码", "reset"),
    "invite": ("重新邀请", "invited"), "accept-invitation": ("接受邀请", "accepted the invitation"),
    "appoint-administrator": ("任命为管理员", "made administrator"), "import": ("导入", "imported"),
    "dismiss-administrator": ("免去管理员", "dismissed as administrator"), "update": ("更新", "updated"),
}  # fmt: skip
_TOLD = ("name", "before", "after", "post", "starts_on", "ends_on", "added", "removed", "successor", "reason")


def history(kind: str, key: object) -> tuple[Event, ...]:
    """Acts of administration on one record, newest first."""
    entries = AuditEntry.objects.filter(object_kind=kind, object_id=str(key), action__in=list(ACTS)).order_by(
        "-at", "-pk"
    )
    found = entries.values_list("at", "actor", "action", "detail")[:HISTORY_SHOWN]
    return tuple(Event(timezone.localtime(at), who, ACTS[what], _told(detail)) for at, who, what, detail in found)


def _told(detail: dict[str, object]) -> str:
    values = [detail[name] for name in _TOLD if detail.get(name)]
    return "；".join("、".join(map(str, one)) if isinstance(one, list) else str(one) for one in values)
