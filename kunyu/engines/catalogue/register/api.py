"""House API of the register of services. 服务目录接口."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from kunyu.engines.catalogue.register import applications, health, queries, services, use_report
from kunyu.engines.catalogue.register.applications import Request
from kunyu.engines.catalogue.register.errors import BadService
from kunyu.engines.catalogue.register.models import Application, Service
from kunyu.engines.catalogue.register.services import Entry
from kunyu.engines.security.api_keys.quotas import asked_today
from kunyu.engines.security.api_keys.services import Quota
from kunyu.engines.security.scope import Principal

router = Router(tags=["services"])


class EndpointOut(Schema):
    """``host`` is scheme, host and port; the whole address is known to those who manage the service."""

    host: str
    address: str | None
    is_healthy: bool | None
    latency_ms: float | None
    checked_at: datetime | None
    reason_zh: str
    reason_en: str


class ServiceOut(Schema):
    """``proxy`` is the address at which this node passes the service on."""

    code: str
    name_zh: str
    name_en: str
    description: str
    kind: str
    category: str
    collection: str
    producer_zh: str
    attribution: str
    state: str
    proxy: str
    endpoints: list[EndpointOut]


class ServiceIn(Schema):
    code: str
    name_zh: str
    kind: str
    collection: str
    addresses: list[str]
    name_en: str = ""
    description: str = ""
    category: str = Service.Category.THEMATIC
    division_code: str = ""
    producer_zh: str = ""
    attribution: str = ""
    secret: str = ""
    secret_place: str = ""


class ReasonIn(Schema):
    reason: str = ""


class ApplicationIn(Schema):
    name: str
    purpose: str
    collections: list[str]
    division: str = ""
    per_minute: int = 300
    per_day: int = 50_000
    until: date


class DecisionIn(Schema):
    approve: bool
    reason: str = ""
    per_minute: int | None = None
    per_day: int | None = None


class ApplicationOut(Schema):
    """``key`` is the key's number once it was taken, ``secret`` only in the answer to taking it."""

    id: int
    applicant: str
    name: str
    purpose: str
    collections: list[str]
    division: str
    per_minute: int
    per_day: int
    until: date
    state: str
    decided_by: str
    reason: str
    key: int | None
    asked_today: int
    secret: str | None = None


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


def _service(request: HttpRequest, one: Service) -> dict[str, Any]:
    manages = services.may_manage(_principal(request), one.collection, one.division_code)
    named = (
        "code",
        "name_zh",
        "name_en",
        "description",
        "kind",
        "category",
        "collection",
        "producer_zh",
        "attribution",
        "state",
    )
    return {
        **{name: getattr(one, name) for name in named},
        "proxy": f"/proxy/{one.code}/",
        "endpoints": [
            {
                "host": queries.host_of(endpoint.address), "address": endpoint.address if manages else None,
                "is_healthy": endpoint.is_healthy, "latency_ms": endpoint.latency_ms, "checked_at": endpoint.checked_at,
                "reason_zh": endpoint.reason_zh, "reason_en": endpoint.reason_en,
            }
            for endpoint in queries.endpoints_in_order(one)
        ],
    }  # fmt: skip


def _application(one: Application, secret: str | None = None) -> dict[str, Any]:
    named = ("name", "purpose", "collections", "per_minute", "per_day", "until", "state", "decided_by", "reason")
    return {
        "id": one.pk, "applicant": one.applicant.username, **{name: getattr(one, name) for name in named},
        "division": one.division_code, "key": one.key_id, "asked_today": asked_today(one.key_id) if one.key_id else 0, "secret": secret,
    }  # fmt: skip


@router.get("", response=list[ServiceOut], summary="服务目录 / services")
def listed(request: HttpRequest, category: str = "", kind: str = "") -> list[dict[str, Any]]:
    """Registered services the caller may know of."""
    rows = queries.visible(_principal(request)).prefetch_related("endpoints").order_by("category", "code")
    if category:
        rows = rows.filter(category=category)
    if kind:
        rows = rows.filter(kind=kind)
    return [_service(request, one) for one in rows]


@router.post("", response={201: ServiceOut}, summary="登记服务 / register a service")
def register(request: HttpRequest, given: ServiceIn) -> tuple[int, dict[str, Any]]:
    """Register a service; it is published by another act."""
    entry = Entry(**{**given.dict(), "addresses": tuple(given.addresses)})
    return 201, _service(request, services.register(_principal(request), entry))


@router.get("/uses", summary="使用统计 / use")
def uses(
    request: HttpRequest, by: str = "subject", first: date | None = None, last: date | None = None
) -> list[dict[str, Any]]:
    """Requests by subject, user, organisation, day or kind: one's own, and of data one answers for."""
    if by not in use_report.GROUPS:
        raise BadService(f"by={by[:20]!r} 不可用。", f"by={by[:20]!r} is not offered.", field="by")
    return use_report.used(_principal(request), by, first, last)


@router.get("/applications", response=list[ApplicationOut], summary="服务申请 / applications")
def application_list(request: HttpRequest) -> list[dict[str, Any]]:
    """One's applications and those one may decide, newest first."""
    rows = applications.visible(_principal(request)).select_related("applicant").order_by("-pk")
    return [_application(one) for one in rows[:200]]


@router.post("/applications", response={201: ApplicationOut}, summary="申请密钥 / apply for a key")
def apply(request: HttpRequest, given: ApplicationIn) -> tuple[int, dict[str, Any]]:
    """Apply for a key to some data."""
    quota = Quota(given.per_minute, given.per_day)
    codes = tuple(given.collections)
    wanted = Request(given.name[:60], given.purpose[:1000], codes, quota, given.until, given.division)
    return 201, _application(applications.apply(_principal(request), wanted))


@router.get("/applications/{number}", response=ApplicationOut, summary="一份申请 / one application")
def application(request: HttpRequest, number: int) -> dict[str, Any]:
    """One application."""
    return _application(applications.visible_application(_principal(request), number))


@router.post("/applications/{number}/decide", response=ApplicationOut, summary="审批 / decide")
def decide(request: HttpRequest, number: int, given: DecisionIn) -> dict[str, Any]:
    """Approve or refuse; the quota may differ from what was asked for."""
    one = applications.visible_application(_principal(request), number)
    quota = Quota(given.per_minute or one.per_minute, given.per_day or one.per_day)
    return _application(applications.decide(_principal(request), number, given.approve, given.reason, quota))


@router.post("/applications/{number}/key", response={201: ApplicationOut}, summary="领取密钥 / take the key")
def take_key(request: HttpRequest, number: int) -> tuple[int, dict[str, Any]]:
    """The key of an approved application; ``secret`` is answered this once."""
    one, secret = applications.take_key(_principal(request), number)
    return 201, _application(one, secret)


@router.get("/{code}", response=ServiceOut, summary="一个服务 / one service")
def one_service(request: HttpRequest, code: str) -> dict[str, Any]:
    """One service with its endpoints in the order in which they are asked."""
    return _service(request, queries.visible_service(_principal(request), code))


@router.post("/{code}/check", response=ServiceOut, summary="立即检查 / look now")
def check(request: HttpRequest, code: str) -> dict[str, Any]:
    """Look at every endpoint of a service one manages, now."""
    one = queries.visible_service(_principal(request), code)
    services.require_manager(_principal(request), one)
    health.check_service(one)
    return _service(request, one)


@router.post("/{code}/publish", response=ServiceOut, summary="发布 / publish")
def publish(request: HttpRequest, code: str) -> dict[str, Any]:
    """Publish a service."""
    return _service(request, services.act(_principal(request), code, "publish"))


@router.post("/{code}/suspend", response=ServiceOut, summary="暂停 / suspend")
def suspend(request: HttpRequest, code: str, given: ReasonIn) -> dict[str, Any]:
    """Suspend a service, with the reason its users read."""
    return _service(request, services.act(_principal(request), code, "suspend", given.reason))


@router.post("/{code}/withdraw", response=ServiceOut, summary="注销 / withdraw")
def withdraw(request: HttpRequest, code: str, given: ReasonIn) -> dict[str, Any]:
    """Withdraw a service for good."""
    return _service(request, services.act(_principal(request), code, "withdraw", given.reason))
