"""House API of evidence: tasks, their map, acts, packages, lists, devices, statistics.

Own routes, because programs of the field and of the exchange bring packages, which no generic screen takes.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import File, Query, Router, Schema, UploadedFile
from ninja.utils import check_csrf

from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import Principal
from kunyu.packs.field_evidence import access, imports, queries, services, statistics, task_list
from kunyu.packs.field_evidence.errors import UnknownEvidence
from kunyu.packs.field_evidence.lists import devices as device_list

router = Router(tags=["evidence"])
MOST = 500


class TaskQuery(Schema):
    """What a list of tasks is narrowed by; ``after`` is the last id of the page before."""

    state: str = ""
    division: str = ""
    mine: bool = False
    after: int = 0
    limit: int = 50


class ActBody(Schema):
    """Why, where the act asks for it."""

    reason: str = ""


class DeviceBody(Schema):
    """A device to register."""

    number: str
    public_key: str
    organisation: str


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _require_own_page(request: HttpRequest) -> None:
    """A browser session must prove that the request comes from our page; a token proves itself."""
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return
    if check_csrf(request) is not None:
        raise NotAllowed(
            "请求缺少页面校验（CSRF）标记。请刷新页面重试，程序请使用访问令牌。",
            "The request lacks the page's CSRF token. Reload the page; programs use an access token.",
        )


@router.get("/tasks")
def tasks(request: HttpRequest, asked: Query[TaskQuery]) -> dict[str, Any]:
    """Tasks the caller may query, by id; ``next`` is the ``after`` of the following page."""
    principal = _principal(request)
    rows = queries.tasks(principal).filter(pk__gt=asked.after).order_by("pk")
    if asked.mine:
        rows = rows.filter(queries.lies_with(principal))
    if asked.state:
        rows = rows.filter(state=asked.state)
    if asked.division:
        rows = rows.filter(division_code__startswith=asked.division)
    limit = min(max(asked.limit, 1), MOST)
    found = list(rows[: limit + 1])
    return {
        "tasks": [queries.brief(one) for one in found[:limit]],
        "next": found[limit - 1].pk if len(found) > limit else None,
    }


@router.get("/tasks/{int:task_id}")
def task(request: HttpRequest, task_id: int) -> dict[str, Any]:
    """One task with photos, checks and history."""
    return queries.detail(_principal(request), task_id)


@router.get("/tasks/{int:task_id}/map")
def task_map(request: HttpRequest, task_id: int) -> dict[str, Any]:
    """Patch, photos and view cones as GeoJSON."""
    return queries.map_of(_principal(request), task_id)


@router.post("/tasks/{int:task_id}/{act}")
def act(request: HttpRequest, task_id: int, act: str, body: ActBody) -> dict[str, Any]:
    """submit, approve, return, doubt, exempt or archive."""
    _require_own_page(request)
    principal = _principal(request)
    services.require_right(principal, access.visible_task(principal, task_id), act)
    if act == "archive":
        return queries.brief(services.archive(principal, task_id))
    if act not in services.ACTS:
        raise UnknownEvidence(f"没有操作 {act}。", f"There is no act {act}.")
    return queries.brief(services.ACTS[act](principal, task_id, body.reason))


@router.post("/packages", response={201: dict[str, Any]})
def package(request: HttpRequest, file: UploadedFile = File(...)) -> Any:
    """Import an evidence package; ``existing`` tells a second click."""
    _require_own_page(request)
    done = imports.hand_in(file, _principal(request))
    return 201, imports.document(done)


@router.post("/lists", response={201: dict[str, Any]})
def patches(request: HttpRequest, file: UploadedFile = File(...)) -> Any:
    """Import a list of patches."""
    _require_own_page(request)
    done = task_list.hand_in(file, _principal(request))
    return 201, {"made": done.made, "existing": done.existing}


@router.get("/devices")
def devices(request: HttpRequest) -> dict[str, Any]:
    """Registered devices."""
    rows = device_list(_principal(request)).rows.order_by("number")
    return {
        "devices": [
            {"number": one.number, "public_key": one.public_key, "organisation": one.organisation.code,
             "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None}
            for one in rows
        ]
    }  # fmt: skip


@router.post("/devices", response={201: dict[str, Any]})
def register(request: HttpRequest, body: DeviceBody) -> Any:
    """Register a device."""
    _require_own_page(request)
    one = services.register_device(_principal(request), body.number, body.public_key, body.organisation)
    return 201, {"number": one.number}


@router.post("/devices/{number}/revoke")
def revoke(request: HttpRequest, number: str, body: ActBody) -> dict[str, Any]:
    """Revoke a device."""
    _require_own_page(request)
    one = services.revoke_device(_principal(request), number, body.reason)
    return {"number": one.number, "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None}


@router.get("/statistics")
def figures(request: HttpRequest) -> dict[str, Any]:
    """Figures per county, and which checks photos fail."""
    return statistics.as_document(_principal(request))
