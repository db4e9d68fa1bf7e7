"""Granting and revoking: by security administrators, inside their divisions, on record. 授权与收回.

A grant gives a role or a person one action; several actions given together are several grants of one act. Whoever
grants is a security administrator whose divisions hold the data and, for a person, the person; never for himself and
never to an administrator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.security import audit, duties, epochs, scope
from kunyu.engines.security.errors import UnknownUser
from kunyu.engines.security.grant_errors import (
    BadGrant,
    GrantToAdministrator,
    GrantToSelf,
    NoSecurityAdministrator,
    OutsideDivision,
    UnknownGrant,
)
from kunyu.engines.security.labels import ORDINARY, Label
from kunyu.engines.security.masks import KINDS as MASK_KINDS
from kunyu.engines.security.models import AdminDuty, Grant, Role, User
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.services import emit

ENDING_TOPIC = "security.grant_ending"
REMIND_DAYS = 7
REASON_LONG = 300
_CODE = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@.-")


@dataclass(frozen=True)
class Wanted:
    """What is to be granted. Exactly one of ``user`` and ``role``; ``branch`` '' is the whole catalogue.

    ``division`` '' is the whole nation; ``within_post`` narrows a role's grant to the division of each holder's post.
    """

    actions: tuple[str, ...]
    user: User | None = None
    role: Role | None = None
    branch: str = ""
    division: str = ""
    within_post: bool = False
    ceiling: Label = ORDINARY
    reveals: tuple[str, ...] = ()
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def recipient(self) -> str:
        return self.user.username if self.user else f"role:{self.role.code if self.role else ''}"

    def facts(self) -> dict[str, Any]:
        """What goes on record, JSON-ready."""
        return {
            "branch": self.branch, "division": self.division, "within_post": self.within_post,
            "actions": [one for one in scope.ACTIONS if one in self.actions], "ceiling": self.ceiling.code,
            "reveals": sorted(self.reveals), "expires_at": self.expires_at.isoformat() if self.expires_at else "",
        }  # fmt: skip


@dataclass(frozen=True)
class Granted:
    """``added`` grants are new; ``already`` stood in the same words."""

    added: tuple[Grant, ...]
    already: tuple[Grant, ...] = field(default=())


def require_administrator(actor: Principal, division: str | None = None) -> None:
    """Refuse whoever is no security administrator (of ``division``).

    Raises
    ------
    NoSecurityAdministrator
        The node's operator: he owns the machine, not the data.
    SignInNeeded, NotVisible, NotAllowed
        As :func:`duties.require`.
    """
    if actor.is_operator:
        raise NoSecurityAdministrator(
            "节点操作员不能授权，也不能审批标记：请用安全管理员的令牌（KUNYU_TOKEN）。",
            "The node's operator neither grants nor approves labels: act with the token (KUNYU_TOKEN) of a security "
            "administrator.",
        )
    duties.require(actor, duties.SECURITY, division)


def check(actor: Principal, wanted: Wanted) -> None:
    """Refuse what may not be granted; called by the preview and again by the act.

    Raises
    ------
    BadGrant, GrantToSelf, GrantToAdministrator, OutsideDivision, NoSecurityAdministrator
    """
    require_administrator(actor)
    _require_sense(wanted)
    if not wanted.division.startswith(actor.duty_division):
        raise OutsideDivision(
            f"区划 {wanted.division or '全国'} 不在您的管理范围 {actor.duty_division} 内，只能授予本辖区的数据权限。",
            f"Division {wanted.division or 'nation'} is not under yours ({actor.duty_division}); grant data of your own "
            "divisions only.",
            division=wanted.division,
        )
    if wanted.user is not None:
        _require_person(actor, wanted.user)


def _require_sense(wanted: Wanted) -> None:
    unknown = sorted(set(wanted.actions) - set(scope.ACTIONS))
    if unknown or not wanted.actions:
        raise BadGrant(
            f"权限 {unknown or '未选择'}：请从 {'、'.join(scope.ACTIONS)} 中选择。",
            f"Actions {unknown or 'none chosen'}: choose from {', '.join(scope.ACTIONS)}.",
        )
    if (wanted.user is None) == (wanted.role is None):
        raise BadGrant("请选择一个角色或一个人，不能都选。", "Choose one role or one person, not both.")
    if not (wanted.division.isascii() and wanted.division.isdigit()) and wanted.division:
        raise BadGrant(
            f"区划代码 {wanted.division!r} 只能是数字。", f"Division code {wanted.division!r} must be digits."
        )
    if set(wanted.branch) - _CODE:
        raise BadGrant(
            f"目录代码 {wanted.branch!r} 含有不允许的字符。",
            f"Catalogue code {wanted.branch!r} has letters not allowed.",
        )
    if set(wanted.reveals) - set(MASK_KINDS):
        raise BadGrant(
            f"没有这种脱敏字段：{wanted.reveals}。", f"There is no such kind of masked field: {wanted.reveals}."
        )
    if wanted.within_post and wanted.role is None:
        raise BadGrant("“限于岗位所在区划”只用于角色。", "“Within the division of the post” is for roles only.")
    if wanted.expires_at is not None and wanted.expires_at <= timezone.now():
        raise BadGrant("有效期已过，请填今后的日期。", "The end lies in the past; give a day to come.")
    if not wanted.reason.strip() or len(wanted.reason) > REASON_LONG:
        raise BadGrant(f"请写明授权理由（不超过 {REASON_LONG} 字）。", f"Say why, in at most {REASON_LONG} characters.")


def _require_person(actor: Principal, user: User) -> None:
    if user.pk == actor.user_id:
        raise GrantToSelf("不能给自己授权。", "Nobody grants rights to himself.")
    if not user.is_active:
        raise UnknownUser(f"账号 {user.username} 已停用。", f"Account {user.username} is disabled.")
    if not user.division_code.startswith(actor.duty_division):
        raise OutsideDivision(
            f"{user.name_zh}（{user.username}）不在您的管理范围 {actor.duty_division} 内，请由其上级安全管理员授权。",
            f"{user.username} is not in your divisions ({actor.duty_division}); a security administrator above both of "
            "you can grant it.",
        )
    if AdminDuty.objects.filter(user=user).exists():
        raise _to_administrator(user)


def _to_administrator(user: User) -> GrantToAdministrator:
    return GrantToAdministrator(
        f"{user.name_zh}（{user.username}）是管理员。三员分立：管理员不持有任何数据权限，请授予经办人员。",
        f"{user.username} is an administrator. Administrators hold no rights on data; grant it to whoever does the work.",
    )


@transaction.atomic
def add(actor: Principal, wanted: Wanted) -> Granted:
    """Grant every action of ``wanted``; what stands already in the same words is not made twice."""
    check(actor, wanted)
    same = Grant.objects.filter(_same(wanted)).filter(_unexpired(timezone.now()))
    already = {one.action: one for one in same.filter(action__in=wanted.actions)}
    added = []
    for action in scope.ACTIONS:
        if action in wanted.actions and action not in already:
            added.append(_create(actor, wanted, action))
    if added:
        audit.record(
            actor, "grant", "user" if wanted.user else "role", wanted.recipient, before={}, after=wanted.facts(),
            grants=[one.pk for one in added], reason=wanted.reason,
        )  # fmt: skip
        epochs.forget()
    return Granted(tuple(added), tuple(already.values()))


def _create(actor: Principal, wanted: Wanted, action: str) -> Grant:
    try:
        with transaction.atomic():
            return Grant.objects.create(
                user=wanted.user, role=wanted.role, branch=wanted.branch, division_prefix=wanted.division,
                within_post=wanted.within_post, action=action, max_secrecy=wanted.ceiling.secrecy,
                max_grading=wanted.ceiling.grading, max_sharing=wanted.ceiling.sharing, reveals=sorted(wanted.reveals),
                expires_at=wanted.expires_at, reason=wanted.reason.strip(), granted_by=actor.name,
            )  # fmt: skip
    except IntegrityError as error:  # made an administrator a moment ago: the database keeps duties apart
        if wanted.user is not None and "administrator" in str(error):
            raise _to_administrator(wanted.user) from error
        raise


def _same(wanted: Wanted) -> Q:
    return Q(
        user=wanted.user, role=wanted.role, branch=wanted.branch, division_prefix=wanted.division,
        within_post=wanted.within_post, max_secrecy=wanted.ceiling.secrecy, max_grading=wanted.ceiling.grading,
        max_sharing=wanted.ceiling.sharing, reveals=sorted(wanted.reveals), expires_at=wanted.expires_at,
    )  # fmt: skip


def _unexpired(now: datetime) -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=now)


def facts_of(grant: Grant) -> dict[str, Any]:
    """A grant as it goes on record."""
    return {
        "branch": grant.branch, "division": grant.division_prefix, "within_post": grant.within_post,
        "actions": [grant.action], "ceiling": Label(grant.max_secrecy, grant.max_grading, grant.max_sharing).code,
        "reveals": sorted(grant.reveals), "expires_at": grant.expires_at.isoformat() if grant.expires_at else "",
    }  # fmt: skip


@transaction.atomic
def revoke(actor: Principal, grant_ids: Collection[int], reason: str) -> int:
    """Take grants back at once; all of them or none.

    Raises
    ------
    UnknownGrant
        One is not there, or not to be seen by this administrator.
    OutsideDivision
        One reaches beyond his divisions.
    BadGrant
        No reason.
    """
    require_administrator(actor)
    if not reason.strip() or len(reason) > REASON_LONG:
        raise BadGrant(f"请写明收回理由（不超过 {REASON_LONG} 字）。", f"Say why, in at most {REASON_LONG} characters.")
    wanted = set(grant_ids)
    rows = list(visible(actor).filter(pk__in=wanted).select_related("user", "role").select_for_update(of=("self",)))
    missing = sorted(wanted - {one.pk for one in rows})
    if missing or not wanted:
        raise UnknownGrant(
            f"没有授权 {missing or ''}，可能已被收回。",
            f"There is no grant {missing or ''}; it may be revoked already.",
        )
    for grant in rows:
        _require_revocable(actor, grant)
        audit.record(
            actor, "revoke", "user" if grant.user else "role",
            grant.user.username if grant.user else f"role:{grant.role.code if grant.role else ''}",
            before=facts_of(grant), after={}, grants=[grant.pk], reason=reason.strip(),
        )  # fmt: skip
    Grant.objects.filter(pk__in=wanted).delete()
    epochs.forget()
    return len(rows)


def may_revoke(actor: Principal, grant: Grant) -> bool:
    """Is the whole of the grant inside the administrator's divisions?"""
    return duties.has(actor, duties.SECURITY) and grant.division_prefix.startswith(actor.duty_division)


def _require_revocable(actor: Principal, grant: Grant) -> None:
    if not may_revoke(actor, grant):
        raise OutsideDivision(
            f"授权 {grant.pk} 的区划 {grant.division_prefix or '全国'} 超出您的管理范围 {actor.duty_division}，"
            "请由上级安全管理员收回。",
            f"Grant {grant.pk} reaches {grant.division_prefix or 'the nation'}, beyond yours ({actor.duty_division}); a "
            "security administrator above you can revoke it.",
        )


def visible(actor: Principal) -> QuerySet[Grant]:
    """Grants on data of the administrator's divisions: those inside, and those from above that cover them."""
    require_administrator(actor)
    return Grant.objects.filter(touching("division_prefix", actor.duty_division))


def touching(column: str, division: str) -> Q:
    """Rows whose division prefix lies under ``division`` or above it."""
    if not division:
        return Q()
    above = [division[:length] for length in range(len(division))]
    return Q(**{f"{column}__in": above}) | Q(**{f"{column}__startswith": division})


def recipients(wanted: Wanted) -> QuerySet[User]:
    """The people whom a grant would reach today."""
    if wanted.user is not None:
        return User.objects.filter(pk=wanted.user.pk, is_active=True)
    return holders(wanted.role) if wanted.role else User.objects.none()


def holders(role: Role) -> QuerySet[User]:
    """People who have ``role`` today through an open post of an open organisation."""
    today = timezone.localdate()
    return User.objects.filter(
        Q(appointments__ends_on=None) | Q(appointments__ends_on__gte=today),
        Q(appointments__post__closed_on=None) | Q(appointments__post__closed_on__gt=today),
        Q(appointments__post__organisation__closed_on=None) | Q(appointments__post__organisation__closed_on__gt=today),
        is_active=True, appointments__starts_on__lte=today, appointments__post__roles=role,
    ).distinct()  # fmt: skip


def grantors(division: str, *, limit: int = 5) -> list[User]:
    """Security administrators who may grant data of ``division``, the nearest first."""
    found = AdminDuty.objects.filter(
        duty=AdminDuty.Duty.SECURITY, user__is_active=True, division_prefix__in=_ancestors(division)
    ).select_related("user")
    return [one.user for one in sorted(found, key=lambda one: -len(one.division_prefix))[:limit]]


def _ancestors(division: str) -> list[str]:
    return [division[:length] for length in range(len(division) + 1)]


@transaction.atomic
def announce_ends(now: datetime | None = None, days: int = REMIND_DAYS) -> int:
    """Emit :data:`ENDING_TOPIC` once for every grant that ends within ``days``; returns how many are new.

    Payload: grant, user (id or None), role (code or ''), expires_at, actions, branch, division.
    """
    moment = now or timezone.now()
    ending = list(
        Grant.objects.filter(reminded_at=None, expires_at__gt=moment, expires_at__lte=moment + timedelta(days=days))
        .select_related("role").select_for_update(of=("self",), skip_locked=True)
    )  # fmt: skip
    for one in ending:
        emit(ENDING_TOPIC, {"grant": one.pk, "user": one.user_id, "role": one.role.code if one.role else "",
                            "granted_by": one.granted_by} | facts_of(one))  # fmt: skip
    if ending:
        Grant.objects.filter(pk__in=[one.pk for one in ending]).update(reminded_at=moment)
    return len(ending)
