"""Which services a person may know of and use, and which endpoint is asked. 服务查询与调度."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import F, Q, QuerySet

from kunyu.engines.catalogue.register import services
from kunyu.engines.catalogue.register.models import Service, ServiceEndpoint
from kunyu.engines.catalogue.visible import visible as visible_datasets
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

State = Service.State


def visible(principal: Principal) -> QuerySet[Service]:
    """Services of data the principal may see: published ones, and of his own charge those in every state."""
    seen = [
        (code, division)
        for code, division in Service.objects.values_list("collection", "division_code").distinct()
        if scope.may(principal, code, scope.SEE, public=services.is_public(code))
    ]
    condition = Q(pk__in=[])
    for code, division in seen:
        here = Q(collection=code, division_code=division)
        condition |= here if services.may_manage(principal, code, division) else here & ~Q(state=State.DRAFT)
    return Service.objects.filter(condition)


def visible_service(principal: Principal, code: str) -> Service:
    """The service, or the same answer as for a code that does not exist: :class:`UnknownService`."""
    found = Service.objects.filter(code=code).first()
    if found is None or not visible(principal).filter(pk=found.pk).exists():
        raise services.unknown(code)
    return found


def usable_service(principal: Principal, code: str) -> Service:
    """A published service whose data the principal may query.

    Raises
    ------
    UnknownService, SignInNeeded, NotAllowed, WrongServiceState
    """
    found = Service.objects.filter(code=code).first()
    if found is None:
        scope.resolve(principal, code, scope.QUERY)  # nobody is asked to sign in first, as for any other address
        raise services.unknown(code)
    scope.resolve(principal, found.collection, scope.QUERY, public=services.is_public(found.collection))
    if found.state != State.PUBLISHED:
        if found.state == State.DRAFT and not services.may_manage(principal, found.collection, found.division_code):
            raise services.unknown(code)
        raise services.wrong_state(found)
    return found


def endpoints_in_order(service: Service) -> list[ServiceEndpoint]:
    """Healthy endpoints first, the fastest of them first, then those never looked at, then the others (R-138)."""
    listed = service.endpoints.order_by(
        F("is_healthy").desc(nulls_last=True), F("latency_ms").asc(nulls_last=True), "pk"
    )
    found = list(listed)
    return sorted(found, key=lambda one: {True: 0, None: 1, False: 2}[one.is_healthy])


@dataclass(frozen=True)
class OwnService:
    """A service of this node itself: listed beside the registered ones, always there."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    path: str


OWN = (
    OwnService("ogc", "要素、瓦片、地图（OGC API）", "Features, tiles, maps (OGC API)", "ogcapi", "/ogc/"),
    OwnService(
        "records",
        "数据目录（OGC API – Records）",
        "Catalogue (OGC API – Records)",
        "ogcapi",
        "/ogc/collections/catalogue",
    ),
    OwnService("wmts", "栅格瓦片（WMTS）", "Raster tiles (WMTS)", "wmts", "/ogc/wmts"),
    OwnService(
        "processes", "空间分析（OGC API – Processes）", "Analyses (OGC API – Processes)", "ogcapi", "/ogc/processes"
    ),
    OwnService("stac", "影像与高程（STAC）", "Imagery and elevation (STAC)", "stac", "/stac/"),
)


def datasets_to_register(principal: Principal) -> list[tuple[str, str]]:
    """Codes and names of datasets whose services the principal may register."""
    rows = visible_datasets(principal, scope.EDIT, scope.APPROVE).order_by("code").values_list("code", "name_zh")
    return [(code, f"{code} {name}") for code, name in rows]


def host_of(address: str) -> str:
    """What of an endpoint's address everybody may read: scheme, host and port, no path and no key."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
