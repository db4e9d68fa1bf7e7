"""Apply → approve → key → quota. 服务使用申请的办理.

The applicant is never the one who decides. An approval gives no rights on data by itself: where the applicant lacks one,
the security administrators get the task of granting it. The key is drawn when the applicant takes it, shown to him
once, and carries his own rights as far as the approved collections go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.catalogue.register.errors import BadService, OwnApplication, UnknownApplication, WrongServiceState
from kunyu.engines.catalogue.register.models import Application
from kunyu.engines.catalogue.visible import visible as visible_datasets
from kunyu.engines.security import audit
from kunyu.engines.security.api_keys.services import Quota, change_quota, issue_key, suspend
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import APPROVE, QUERY, Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import NewTask, Subject, create_task, settle

State = Application.State
MOST_COLLECTIONS, LONGEST_DAYS = 50, 365


@dataclass(frozen=True)
class Request:
    """What is applied for. ``until`` is the last day the key holds, ``division`` whose data they are ('' is the nation)."""

    name: str
    purpose: str
    collections: tuple[str, ...]
    quota: Quota
    until: date
    division: str = ""


@transaction.atomic
def apply(principal: Principal, asked: Request) -> Application:
    """Apply for a key; whoever may approve all the data is given the task of deciding.

    Raises
    ------
    SignInNeeded, BadService, BadQuota
    """
    if principal.user_id is None:
        raise SignInNeeded("请用自己的账号申请密钥。", "Apply for a key with an account of your own.")
    _require_sound(principal, asked)
    made = Application.objects.create(
        applicant_id=principal.user_id, name=asked.name.strip(), purpose=asked.purpose.strip(),
        collections=sorted(set(asked.collections)), per_minute=asked.quota.per_minute, per_day=asked.quota.per_day,
        until=asked.until, division_code=asked.division,
    )  # fmt: skip
    create_task(NewTask(
        _task_key(made), "service_application",
        Subject("service-application", str(made.pk), f"审批服务使用申请：{made.name}", f"Decide an application: {made.name}", _href(made)),
        division=made.division_code,
        collections=tuple(made.collections),
    ), principal)  # fmt: skip
    audit.record(principal, "service-apply", "service-application", str(made.pk), collections=made.collections)
    return made


def _require_sound(principal: Principal, asked: Request) -> None:
    asked.quota.require_sound()
    if not asked.name.strip() or not asked.purpose.strip():
        raise BadService("请填写程序名称和用途。", "Name the program and its purpose.", field="purpose")
    if not 1 <= len(set(asked.collections)) <= MOST_COLLECTIONS:
        raise BadService(
            f"请选择 1–{MOST_COLLECTIONS} 个数据集。", f"Choose 1 to {MOST_COLLECTIONS} datasets.", field="collections"
        )
    known = set(applicable(principal).filter(code__in=asked.collections).values_list("code", flat=True))
    if unknown := sorted(set(asked.collections) - known):
        raise BadService(
            f"目录中没有 {unknown[0][:60]}，或者您无权知悉。",
            f"The catalogue has no {unknown[0][:60]}, or you may not know of it.",
            field="collections",
        )
    if asked.division and not (asked.division.isdecimal() and len(asked.division) <= 6):
        raise BadService(
            f"区划代码 {asked.division[:20]!r} 应为 2–6 位数字，全国留空。",
            f"Division {asked.division[:20]!r} must be 2 to 6 digits, or empty for the nation.",
            field="division",
        )
    today = timezone.localdate()
    if not today <= asked.until <= today + timedelta(days=LONGEST_DAYS):
        raise BadService(
            f"截止日期应在今天至 {LONGEST_DAYS} 天之内。",
            f"The last day must lie within {LONGEST_DAYS} days.",
            field="until",
        )


def applicable(principal: Principal) -> QuerySet[Dataset]:
    """Datasets that may be applied for: those one may see, and those whose existence is no secret (公开, 内部)."""
    open_levels = (Dataset.Level.OPEN, Dataset.Level.INTERNAL)
    seen = visible_datasets(principal).values("code")
    return Dataset.objects.filter(Q(code__in=seen) | Q(level__in=open_levels)).order_by("item__position", "position")


def _href(one: Application) -> str:
    return f"/services/keys/{one.pk}/"


def _task_key(one: Application) -> str:
    return f"service-application:{one.pk}"


def may_decide(principal: Principal, one: Application) -> bool:
    """May the principal approve every one of the data asked for in that division, and is not the applicant?"""
    return principal.user_id != one.applicant_id and all(
        any(one.division_code.startswith(prefix) for prefix in principal.divisions(code, APPROVE))
        for code in one.collections
    )


def require_may(principal: Principal, one: Application, act: str) -> None:
    """Refuse whoever may not do ``act``: ``withdraw`` and ``take`` are the applicant's, all else the deciders'.

    Raises
    ------
    OwnApplication, NotAllowed
    """
    own = one.applicant_id == principal.user_id
    if act in ("withdraw", "take"):
        if not own:
            raise NotAllowed("只有申请人可以撤回申请、领取密钥。", "Only the applicant withdraws it or takes the key.")
        return
    if own:
        raise OwnApplication("不能审批自己的申请。", "Nobody decides his own application.")
    if not may_decide(principal, one):
        raise NotAllowed("您没有这些数据的审核权限。", "You may not approve these data.")


def visible(principal: Principal) -> QuerySet[Application]:
    """One's own applications and those one may decide."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    others = Application.objects.exclude(applicant_id=principal.user_id)
    mine = [one.pk for one in others if may_decide(principal, one)]
    return Application.objects.filter(Q(applicant_id=principal.user_id) | Q(pk__in=mine))


def visible_application(principal: Principal, number: int) -> Application:
    """The application, or the same answer as for a number that does not exist."""
    found = visible(principal).select_related("applicant", "key__token").filter(pk=number).first()
    if found is None:
        raise UnknownApplication(
            f"没有服务申请 {number}，或者与您无关。", f"There is no application {number}, or it is none of yours."
        )
    return found


def _held(principal: Principal, number: int) -> Application:
    """The application, locked until the act is done."""
    visible_application(principal, number)
    return Application.objects.select_for_update(of=("self",)).select_related("applicant", "key__token").get(pk=number)


def lacking(one: Application) -> list[str]:
    """Collections that the applicant may not query now: a key alone would not open them."""
    holder = principal_of(one.applicant)
    public = set(Dataset.objects.filter(code__in=one.collections, is_public=True).values_list("code", flat=True))
    return [code for code in one.collections if not holder.divisions(code, QUERY) and code not in public]


@transaction.atomic
def decide(
    principal: Principal, number: int, approve: bool, reason: str = "", quota: Quota | None = None
) -> Application:
    """Approve, perhaps with another quota than asked for, or refuse with a reason.

    Raises
    ------
    UnknownApplication, OwnApplication, NotAllowed, WrongServiceState, BadService, BadQuota
    """
    one = _held(principal, number)
    require_may(principal, one, "approve" if approve else "refuse")
    _require_state(one, State.APPLIED)
    if not approve and not reason.strip():
        raise BadService("不予批准须写明理由。", "A refusal needs a reason.", field="reason")
    if approve and quota is not None:
        quota.require_sound()
        one.per_minute, one.per_day = quota.per_minute, quota.per_day
    one.state = State.APPROVED if approve else State.REFUSED
    one.decided_by, one.decided_at, one.reason = principal.name, timezone.now(), reason.strip()
    one.save()
    settle(_task_key(one), principal, one.state, one.reason)
    if approve and (missing := lacking(one)):
        _ask_for_rights(principal, one, missing)
    _tell(one)
    audit.record(
        principal, "service-decide", "service-application", str(one.pk), state=one.state, per_minute=one.per_minute,
        per_day=one.per_day, reason=one.reason,
    )  # fmt: skip
    return one


def _require_state(one: Application, *states: str) -> None:
    if one.state not in states:
        raise WrongServiceState(
            f"申请 {one.pk} 现为“{one.get_state_display()}”，不能这样办理。",
            f"Application {one.pk} is {one.state}; that cannot be done with it.",
        )


def _ask_for_rights(principal: Principal, one: Application, missing: Iterable[str]) -> None:
    codes = "、".join(missing)
    create_task(NewTask(
        f"service-grant:{one.pk}", "service_grant",
        Subject(
            "user", one.applicant.username, f"为 {one.applicant.username} 授予查询权：{codes}",
            f"Grant {one.applicant.username} querying of {', '.join(missing)}", "/admin/grants/",
        ),
        division=one.applicant.division_code,
    ), principal)  # fmt: skip


def _tell(one: Application) -> None:
    zh, en = ("已批准", "was approved") if one.state == State.APPROVED else ("未获批准", "was refused")
    notify([one.applicant_id], Notice(
        "service_application_decided", f"service-application:{one.pk}:{one.state}",
        f"您的服务使用申请“{one.name}”{zh}", f"Your application {one.name} {en}", one.reason, one.reason, _href(one),
    ))  # fmt: skip


@transaction.atomic
def withdraw(principal: Principal, number: int) -> Application:
    """Take back one's own application that is not decided."""
    one = _held(principal, number)
    require_may(principal, one, "withdraw")
    _require_state(one, State.APPLIED)
    one.state = State.WITHDRAWN
    one.save(update_fields=["state"])
    settle(_task_key(one), principal, "withdrawn", "")
    audit.record(principal, "service-withdraw-application", "service-application", str(one.pk))
    return one


@transaction.atomic
def take_key(principal: Principal, number: int) -> tuple[Application, str]:
    """Draw the key of one's own approved application; its secret is answered once and never again."""
    one = _held(principal, number)
    require_may(principal, one, "take")
    _require_state(one, State.APPROVED)
    if one.key_id is not None:
        raise WrongServiceState(
            "密钥已领取过，只显示一次；遗失请在账号页撤销后重新申请。",
            "The key was taken and is shown once; if it is lost, revoke it on your account page and apply again.",
        )
    until = timezone.make_aware(datetime.combine(one.until, time.max))
    quota = Quota(one.per_minute, one.per_day)
    holder = User.objects.get(pk=one.applicant_id)
    one.key, secret = issue_key(holder, one.name, one.collections, quota, principal, until)
    one.save(update_fields=["key"])
    return one, secret


@transaction.atomic
def manage_key(
    principal: Principal, number: int, *, suspended: bool | None = None, quota: Quota | None = None
) -> Application:
    """Suspend, resume or re-bound a key: by those who may decide its application."""
    one = _held(principal, number)
    require_may(principal, one, "quota")
    if one.key is None:
        raise WrongServiceState("密钥尚未领取。", "The key has not been taken yet.")
    if quota is not None:
        change_quota(one.key, quota, principal)
    if suspended is not None:
        suspend(one.key, suspended, principal)
    return one
