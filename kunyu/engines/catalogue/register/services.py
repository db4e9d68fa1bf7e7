"""Acts on registered services, each one transaction with its audit entry and its line of history. 服务注册与发布."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from kunyu.engines.catalogue.models import Dataset, Layer
from kunyu.engines.catalogue.register.errors import BadService, UnknownService, WrongServiceState
from kunyu.engines.catalogue.register.models import Service, ServiceEndpoint, ServiceEvent
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import APPROVE, EDIT, Principal
from kunyu.kernel.outbound import require_address

State = Service.State
MOST_ENDPOINTS = 8
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,58}[a-z0-9]")
_PLACE = re.compile(r"(query|header):[A-Za-z0-9_-]{1,60}")
RESERVED = ("keys", "new", "uses")
# from which states an act leads where
ACTS: dict[str, tuple[tuple[str, ...], str]] = {
    "publish": ((State.DRAFT, State.SUSPENDED), State.PUBLISHED),
    "suspend": ((State.PUBLISHED,), State.SUSPENDED),
    "withdraw": ((State.DRAFT, State.PUBLISHED, State.SUSPENDED), State.WITHDRAWN),
}


@dataclass(frozen=True)
class Entry:
    """What is registered. ``addresses`` are equal replicas; ``secret`` is sent with each request at ``secret_place``."""

    code: str
    name_zh: str
    kind: str
    collection: str
    addresses: tuple[str, ...]
    name_en: str = ""
    description: str = ""
    category: str = Service.Category.THEMATIC
    division_code: str = ""
    producer_zh: str = ""
    attribution: str = ""
    secret: str = ""
    secret_place: str = ""


def may_manage(principal: Principal, collection: str, division: str = "") -> bool:
    """May the principal register and publish services of these data? Whoever delivers or approves them may."""
    return any(
        division.startswith(prefix) for act in (EDIT, APPROVE) for prefix in principal.divisions(collection, act)
    )


def _require_manager(principal: Principal, collection: str, division: str) -> None:
    scope.resolve(principal, collection, scope.SEE, public=is_public(collection))
    if not may_manage(principal, collection, division):
        raise NotAllowed(
            f"登记、发布 {collection} 的服务需要该数据在{division or '全国'}的汇交或审核权限。",
            f"To register or publish services of {collection} takes the right to deliver or approve these data in "
            f"{division or 'the whole nation'}.",
            field="division_code",
        )


def require_manager(principal: Principal, service: Service) -> None:
    """Refuse whoever may not manage the service. Raises SignInNeeded, NotVisible, NotAllowed."""
    _require_manager(principal, service.collection, service.division_code)


def is_public(collection: str) -> bool:
    """Is the dataset opened to everybody?"""
    return Dataset.objects.filter(code=collection.partition(".")[0], is_public=True).exists()


def _require_sound(entry: Entry) -> None:
    def refuse(field: str, zh: str, en: str) -> BadService:
        return BadService(zh, en, field=field)

    if not _CODE.fullmatch(entry.code) or entry.code in RESERVED:
        raise refuse(
            "code", f"编码 {entry.code[:60]!r} 应为 3–60 个小写字母、数字或连字符。",
            f"Code {entry.code[:60]!r} must be 3 to 60 lower-case letters, digits or hyphens.",
        )  # fmt: skip
    if entry.kind not in Service.Kind.values or entry.category not in Service.Category.values:
        raise refuse("kind", "不认识的服务类型或类别。", "Unknown kind or category of service.")
    known = Dataset.objects.filter(code=entry.collection).exists()
    if not known and not Layer.objects.filter(collection=entry.collection).exists():
        raise refuse(
            "collection", f"目录中没有 {entry.collection[:60]}；服务的权限由它所属的数据集决定。",
            f"The catalogue has no {entry.collection[:60]}; the dataset decides who may use the service.",
        )  # fmt: skip
    if not entry.name_zh.strip():
        raise refuse("name_zh", "请填写服务名称。", "Name the service.")
    if not 1 <= len(entry.addresses) <= MOST_ENDPOINTS:
        raise refuse(
            "addresses", f"请给出 1–{MOST_ENDPOINTS} 个地址，现有 {len(entry.addresses)} 个。",
            f"Give 1 to {MOST_ENDPOINTS} addresses; there are {len(entry.addresses)}.",
        )  # fmt: skip
    for address in entry.addresses:
        require_address(address)
    if entry.secret_place and not _PLACE.fullmatch(entry.secret_place):
        raise refuse("secret_place", "密钥位置写成 query:tk 或 header:X-Key。", "Write query:tk or header:X-Key.")


@transaction.atomic
def register(principal: Principal, entry: Entry) -> Service:
    """Register a service; it is not published yet.

    Raises
    ------
    BadService, OutboundRefused
        A value that cannot be; ``context['field']`` names it.
    SignInNeeded, NotVisible, NotAllowed
    """
    _require_sound(entry)
    _require_manager(principal, entry.collection, entry.division_code)
    if Service.objects.filter(code=entry.code).exists():
        raise BadService(
            f"已有编码为 {entry.code} 的服务，请换一个。", f"There is a service {entry.code} already; choose another code.",
            field="code",
        )  # fmt: skip
    made = Service(created_by=principal.name, code=entry.code)
    _fill(made, entry)
    made.save()
    _endpoints(made, entry.addresses)
    _note(principal, made, "register")
    return made


@transaction.atomic
def change(principal: Principal, service: Service, entry: Entry) -> Service:
    """Change a service; an empty ``secret`` keeps the one there is. Endpoints that stay keep their health."""
    _require_sound(entry)
    _require_manager(principal, service.collection, service.division_code)
    _require_manager(principal, entry.collection, entry.division_code)
    if service.state == State.WITHDRAWN:
        raise wrong_state(service)
    _fill(service, entry)
    service.save()
    _endpoints(service, entry.addresses)
    _note(principal, service, "change")
    return service


def _fill(service: Service, entry: Entry) -> None:
    for name in (
        "name_zh", "name_en", "description", "kind", "category", "collection", "division_code", "producer_zh",
        "attribution", "secret_place",
    ):  # fmt: skip
        setattr(service, name, getattr(entry, name))
    if entry.secret:
        service.secret = entry.secret


def _endpoints(service: Service, addresses: Sequence[str]) -> None:
    service.endpoints.exclude(address__in=addresses).delete()
    for address in dict.fromkeys(addresses):
        ServiceEndpoint.objects.get_or_create(service=service, address=address)


@transaction.atomic
def act(principal: Principal, code: str, name: str, reason: str = "") -> Service:
    """Publish, suspend or withdraw a service.

    Raises
    ------
    UnknownService, NotAllowed, WrongServiceState
    BadService
        Suspending or withdrawing without a reason: those who use it are told.
    """
    service = Service.objects.select_for_update().filter(code=code).first()
    if service is None or not _may_know(principal, service):
        raise unknown(code)
    _require_manager(principal, service.collection, service.division_code)
    before, after = ACTS[name]
    if service.state not in before:
        raise wrong_state(service)
    if name != "publish" and not reason.strip():
        raise BadService("请写明理由，使用者会看到。", "Give a reason; those who use it will read it.", field="reason")
    service.state = after
    service.save(update_fields=["state"])
    _note(principal, service, name, reason)
    return service


def _may_know(principal: Principal, service: Service) -> bool:
    return scope.may(principal, service.collection, scope.SEE, public=is_public(service.collection))


def unknown(code: str) -> UnknownService:
    """The same answer for a service that does not exist and one that may not be seen."""
    return UnknownService(
        f"没有服务 {code[:60]}，或者您无权查看。", f"There is no service {code[:60]}, or you may not see it."
    )


def wrong_state(service: Service) -> WrongServiceState:
    """The refusal of an act that does not fit the service's state."""
    return WrongServiceState(
        f"服务 {service.code} 现为“{service.get_state_display()}”，不能这样处理。",
        f"Service {service.code} is {service.state}; that cannot be done with it.",
    )


def _note(principal: Principal, service: Service, act_name: str, reason: str = "") -> None:
    ServiceEvent.objects.create(service=service, actor=principal.name, act=act_name, reason=reason)
    audit.record(
        principal, f"service-{act_name}", "service", service.code, collection=service.collection, state=service.state,
        reason=reason,
    )  # fmt: skip
