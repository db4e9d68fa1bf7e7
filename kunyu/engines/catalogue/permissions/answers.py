"""Roles, grants, labels and explanations as documents for programs: the API and the commands give the same."""

from __future__ import annotations

from typing import Any

from kunyu.engines.security import label_services
from kunyu.engines.security.explain import Answer, Way
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Grant, RightSource, Role
from kunyu.engines.security.models import Label as LabelRow


def role(one: Role) -> dict[str, Any]:
    return {
        "code": one.code, "name_zh": one.name_zh, "name_en": one.name_en, "description_zh": one.description_zh,
        "built_in": one.is_built_in,
    }  # fmt: skip


def label(one: Label) -> dict[str, Any]:
    return {
        "code": one.code, "secrecy": one.secrecy, "grading": one.grading, "sharing": one.sharing,
        "name_zh": one.name_zh, "name_en": one.name_en,
    }  # fmt: skip


def grant(one: Grant) -> dict[str, Any]:
    return {
        "id": one.pk, "user": one.user.username if one.user else None, "role": one.role.code if one.role else None,
        "action": one.action, "branch": one.branch, "division": one.division_prefix, "within_post": one.within_post,
        "ceiling": label(Label(one.max_secrecy, one.max_grading, one.max_sharing)), "reveals": sorted(one.reveals),
        "expires_at": one.expires_at.isoformat() if one.expires_at else None, "reason": one.reason,
        "granted_by": one.granted_by, "granted_at": one.granted_at.isoformat(),
    }  # fmt: skip


def source(one: RightSource) -> dict[str, Any]:
    """One way by which somebody has a right."""
    return {
        "user": one.user.username, "name_zh": one.user.name_zh, "action": one.action, "branch": one.branch,
        "division": one.division, "through": "post" if one.post_id else "grant",
        "post": str(one.post) if one.post else None, "role": one.role.code if one.role else None, "grant": one.grant_id,
        "reveals": sorted(one.reveals), "expires_at": one.expires_at.isoformat() if one.expires_at else None,
    }  # fmt: skip


def answer(found: Answer) -> dict[str, Any]:
    """An explanation: verdict, label, zone and the ways with their links."""
    return {
        "allowed": found.allowed, "label": label(found.label), "label_approved": found.label_approved,
        "zone": found.zone.code, "count": found.count, "ways": [_way(one) for one in found.ways],
        "grantors": [one.username for one in found.grantors],
    }  # fmt: skip


def _way(one: Way) -> dict[str, Any]:
    return {
        "holds": one.holds,
        "links": [
            {"kind": link.kind, "holds": link.holds, "title_zh": link.title[0], "title_en": link.title[1],
             "detail_zh": link.detail[0], "detail_en": link.detail[1],
             **({} if link.holds else {"remedy_zh": link.remedy[0], "remedy_en": link.remedy[1]})}
            for link in one.links
        ],
    }  # fmt: skip


def labelled(row: LabelRow) -> dict[str, Any]:
    """A proposal or a decided label."""
    return {
        "id": row.pk, "collection": row.collection, "label": label(label_services.label_of_row(row)), "state": row.state,
        "reason": row.reason, "basis": row.basis, "secret_until": row.secret_until.isoformat() if row.secret_until else None,
        "proposed_by": row.proposed_by, "proposed_at": row.proposed_at.isoformat(), "decided_by": row.decided_by,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None, "decision_reason": row.decision_reason,
    }  # fmt: skip
