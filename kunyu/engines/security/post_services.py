"""Posts: the system administrator makes and closes them, the security administrator gives them roles. 岗位管理.

Neither can do the other's part: who decides which posts exist does not decide what they may do.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.security import audit, duties, managing
from kunyu.engines.security.models import Appointment, Post, Role
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry
from kunyu.engines.security.organisation_services import require_unheld
from kunyu.engines.security.scope import Principal


@transaction.atomic
def create(principal: Principal, unit_id: int, name_zh: str, name_en: str = "") -> Post:
    """Make a post in an open organisation; it has no roles yet.

    Raises
    ------
    UnknownUnit, BadEntry, AlreadyDone
    """
    unit = managing.unit(principal, unit_id, lock=True)
    if unit.closed_on is not None:
        raise AlreadyDone(f"{unit} 已撤销，不能再设岗位。", f"{unit} is closed; it gets no posts.")
    name = require_name(name_zh)
    if Post.objects.filter(organisation=unit, name_zh=name).exists():
        raise BadEntry(f"{unit} 已有岗位“{name}”。", f"{unit} has a post “{name}” already.", field="name_zh")
    post = Post.objects.create(organisation=unit, name_zh=name, name_en=name_en.strip()[:80])
    audit.record(principal, "create", "post", post.pk, name=name, organisation=unit.code)
    return post


def require_name(name_zh: str) -> str:
    name = name_zh.strip()
    if not 2 <= len(name) <= 60:
        raise BadEntry(f"岗位名称“{name}”应为 2 至 60 字。", "A post's name has 2 to 60 characters.", field="name_zh")
    return name


@transaction.atomic
def rename(principal: Principal, post_id: int, name_zh: str, name_en: str, reason: str) -> Post:
    """Give an open post another name."""
    post, why, name = (
        _open(managing.post(principal, post_id, lock=True)),
        managing.reason_of(reason),
        require_name(name_zh),
    )
    if Post.objects.filter(organisation=post.organisation, name_zh=name).exclude(pk=post.pk).exists():
        raise BadEntry(f"该单位已有岗位“{name}”。", f"There is a post “{name}” already.", field="name_zh")
    before, post.name_zh, post.name_en = post.name_zh, name, name_en.strip()[:80]
    post.save(update_fields=["name_zh", "name_en"])
    audit.record(principal, "rename", "post", post.pk, before=before, after=name, reason=why)
    return post


@transaction.atomic
def close(principal: Principal, post_id: int, reason: str) -> Post:
    """Close a post that nobody holds.

    Raises
    ------
    StillHeld
        It names who holds the post.
    """
    post, why = _open(managing.post(principal, post_id, lock=True)), managing.reason_of(reason)
    now = Q(ends_on=None) | Q(ends_on__gte=timezone.localdate())
    holders = Appointment.objects.filter(now, post=post).select_related("user", "post__organisation").order_by("pk")
    require_unheld(str(post), holders)
    post.closed_on = timezone.localdate()
    post.save(update_fields=["closed_on"])
    audit.record(principal, "close", "post", post.pk, name=str(post), reason=why)
    return post


@transaction.atomic
def set_roles(
    principal: Principal, post_id: int, role_ids: Collection[int], reason: str
) -> tuple[list[str], list[str]]:
    """Give a post exactly these roles; codes added and taken away. The security administrator's act.

    Raises
    ------
    UnknownPost, BadEntry
    """
    post = managing.post(principal, post_id, duties.SECURITY, lock=True)
    why = managing.reason_of(reason)
    wanted = {role.pk: role.code for role in Role.objects.filter(pk__in=list(role_ids))}
    unknown = set(role_ids) - wanted.keys()
    if unknown:
        raise BadEntry(f"没有角色 {sorted(unknown)}。", f"There are no roles {sorted(unknown)}.", field="roles")
    if post.closed_on is not None and wanted:
        raise AlreadyDone(f"岗位“{post}”已撤销。", f"Post “{post}” is closed.")
    before = dict(post.roles.values_list("pk", "code"))
    post.roles.set(wanted)
    added = sorted(code for pk, code in wanted.items() if pk not in before)
    removed = sorted(code for pk, code in before.items() if pk not in wanted)
    audit.record(principal, "set-roles", "post", post.pk, post=str(post), added=added, removed=removed, reason=why)
    return added, removed


def _open(post: Post) -> Post:
    if post.closed_on is not None:
        raise AlreadyDone(f"岗位“{post}”已于 {post.closed_on} 撤销。", f"Post “{post}” was closed on {post.closed_on}.")
    return post
