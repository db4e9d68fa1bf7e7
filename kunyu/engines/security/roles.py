"""Roles: named sets of grants, given to posts. 角色.

A role reaches people through posts. Who edits one is a security administrator whose divisions hold every grant and
every post of it; roles shipped with the node (``data/roles.toml``) keep their code and are not deleted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from kunyu.engines.security import audit, epochs
from kunyu.engines.security.grant_errors import BadGrant, OutsideDivision, RoleInUse, UnknownRole
from kunyu.engines.security.grant_services import REASON_LONG, facts_of, require_administrator
from kunyu.engines.security.models import Grant, Post, Role
from kunyu.engines.security.scope import Principal

DATA = Path(__file__).parent / "data" / "roles.toml"


@cache
def built_in() -> dict[str, dict[str, Any]]:
    """The roles of ``data/roles.toml`` by code."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


@transaction.atomic
def load_built_in(actor: Principal) -> int:
    """Make shipped roles that are missing, with their grants; returns how many were made.

    Roles that stand keep their grants: an administrator may have changed them. Nobody has a role before a post has it.
    """
    have = set(Role.objects.filter(code__in=built_in()).values_list("code", flat=True))
    missing = {code: given for code, given in built_in().items() if code not in have}
    for code, given in missing.items():
        role = Role.objects.create(
            code=code, name_zh=given["name_zh"], name_en=given["name_en"], description_zh=given["description_zh"],
            is_built_in=True,
        )  # fmt: skip
        grants = [one for scope_given in given["grants"] for one in _grants(role, scope_given, actor)]
        Grant.objects.bulk_create(grants)
        audit.record(actor, "create-role", "role", f"role:{code}", before={}, after=_facts(role), built_in=True)
    if missing:
        epochs.forget()
    return len(missing)


def _grants(role: Role, given: dict[str, Any], actor: Principal) -> list[Grant]:
    secrecy, grading, sharing = given["ceiling"]
    return [
        Grant(
            role=role, branch=given["branch"], division_prefix="", within_post=True, action=action,
            max_secrecy=secrecy, max_grading=grading, max_sharing=sharing, reveals=given.get("reveals", []),
            reason="内置角色", granted_by=actor.name,
        )
        for action in given["actions"]
    ]  # fmt: skip


def _facts(role: Role) -> dict[str, Any]:
    return {
        "code": role.code, "name_zh": role.name_zh, "name_en": role.name_en, "description_zh": role.description_zh,
        "grants": [facts_of(one) for one in role.grants.order_by("pk")],
    }  # fmt: skip


def find(code: str) -> Role:
    """The role of that code; :class:`UnknownRole` when there is none."""
    found = Role.objects.filter(code=code).first()
    if found is None:
        raise UnknownRole(f"没有角色 {code}。", f"There is no role {code}.")
    return found


@transaction.atomic
def create(actor: Principal, code: str, name_zh: str, name_en: str = "", description_zh: str = "") -> Role:
    """A new role without grants.

    Raises
    ------
    BadGrant
        The code is taken.
    """
    require_administrator(actor)
    if Role.objects.filter(code=code).exists():
        raise BadGrant(f"角色代码 {code} 已被使用，请换一个。", f"The code {code} is taken; choose another.")
    role = Role.objects.create(code=code, name_zh=name_zh, name_en=name_en, description_zh=description_zh)
    audit.record(actor, "create-role", "role", f"role:{code}", before={}, after=_facts(role))
    return role


@transaction.atomic
def rename(actor: Principal, role: Role, name_zh: str, name_en: str, description_zh: str) -> Role:
    """Other words for a role; its code stays."""
    require_whole(actor, role)
    before = _facts(role)
    role.name_zh, role.name_en, role.description_zh = name_zh, name_en, description_zh
    role.save(update_fields=["name_zh", "name_en", "description_zh"])
    audit.record(actor, "change-role", "role", f"role:{role.code}", before=before, after=_facts(role))
    return role


@transaction.atomic
def delete(actor: Principal, role: Role, reason: str) -> None:
    """Delete a role that no post has, with its grants.

    Raises
    ------
    RoleInUse
        It is shipped with the node, or posts have it.
    """
    require_whole(actor, role)
    if not reason.strip() or len(reason) > REASON_LONG:
        raise BadGrant(f"请写明删除理由（不超过 {REASON_LONG} 字）。", f"Say why, in at most {REASON_LONG} characters.")
    posts = list(role.posts.select_related("organisation")[:5])
    if role.is_built_in or posts:
        named = "、".join(map(str, posts)) or "随系统发布"
        raise RoleInUse(
            f"角色“{role.name_zh}”不能删除：{named}。可以收回它的授权，或先从岗位上取下。",
            f"Role {role.code} cannot be deleted: {'shipped with the node' if role.is_built_in else named}. Revoke its "
            "grants, or take it off the posts first.",
        )
    before = _facts(role)
    code = role.code
    role.delete()
    epochs.forget()
    audit.record(actor, "delete-role", "role", f"role:{code}", before=before, after={}, reason=reason.strip())


def may_edit(actor: Principal, role: Role) -> bool:
    """Do the administrator's divisions hold every grant and every post of the role?"""
    try:
        require_whole(actor, role)
    except OutsideDivision:
        return False
    return True


def require_whole(actor: Principal, role: Role) -> None:
    """Refuse to change a role that reaches beyond the administrator's divisions."""
    require_administrator(actor)
    reached: Collection[str] = {
        *role.grants.values_list("division_prefix", flat=True),
        *Post.objects.filter(roles=role).values_list("organisation__division_code", flat=True),
    }
    outside = sorted(one for one in reached if not one.startswith(actor.duty_division))
    if outside:
        raise OutsideDivision(
            f"角色“{role.name_zh}”还用于 {outside[0] or '全国'}，超出您的管理范围 {actor.duty_division}；"
            "可以新建一个本辖区的角色。",
            f"Role {role.code} is also used in {outside[0] or 'the nation'}, beyond yours ({actor.duty_division}); make a "
            "role of your own.",
        )
