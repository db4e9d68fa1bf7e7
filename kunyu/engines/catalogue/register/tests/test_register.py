"""Registering, publishing, watching services; who may; what cannot be registered. R-034, R-138."""

from __future__ import annotations

from typing import Any

import pytest

from kunyu.kernel.errors import KunyuError


def test_a_service_from_draft_to_withdrawn(people: dict[str, Any], entry: Any) -> None:
    """Each step on record; others see it from publishing on; nothing leaves the order of states."""
    from kunyu.engines.catalogue.register import queries, services
    from kunyu.engines.security.models import AuditEntry

    steward, viewer = people["steward"], people["viewer"]
    services.register(steward, entry())
    assert not queries.visible(viewer).exists() and queries.visible(steward).exists()
    services.act(steward, "relief", "publish")
    assert queries.usable_service(viewer, "relief").state == "published"
    assert not queries.visible(people["stranger"]).exists()
    with pytest.raises(KunyuError, match="理由"):
        services.act(steward, "relief", "suspend", "  ")
    services.act(steward, "relief", "suspend", "维护")
    with pytest.raises(KunyuError) as refused:
        queries.usable_service(viewer, "relief")
    assert refused.value.code == "wrong_service_state"
    services.act(steward, "relief", "withdraw", "停用")
    with pytest.raises(KunyuError):
        services.act(steward, "relief", "publish")
    acts = ["service-register", "service-publish", "service-suspend", "service-withdraw"]
    recorded = AuditEntry.objects.filter(action__in=acts).order_by("pk")
    assert list(recorded.values_list("action", flat=True)) == acts


def test_only_those_who_answer_for_the_data_register(people: dict[str, Any], entry: Any) -> None:
    from kunyu.engines.catalogue.register import services

    for name, code in (("viewer", "not_allowed"), ("stranger", "not_found")):
        with pytest.raises(KunyuError) as refused:
            services.register(people[name], entry())
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "X Y"}, "code"), ({"code": "keys"}, "code"), ({"kind": "ftp"}, "kind"), ({"name_zh": " "}, "name_zh"),
        ({"collection": "99999-999"}, "collection"), ({"addresses": ()}, "addresses"),
        ({"addresses": ("file:///etc/passwd",)}, None), ({"addresses": ("http://u:p@h/",)}, None),
        ({"secret": "x", "secret_place": "body:x"}, "secret_place"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered_names_its_field(
    people: dict[str, Any], entry: Any, changes: Any, field: str | None
) -> None:
    from kunyu.engines.catalogue.register import services
    from kunyu.engines.catalogue.register.models import Service

    with pytest.raises(KunyuError) as refused:
        services.register(people["steward"], entry(**changes))
    assert refused.value.http_status == 422 and refused.value.context.get("field") == field
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    ("kind", "path", "is_healthy"),
    [
        ("wms", "/geo/wms", True), ("ogcapi", "/api/", True), ("xyz", "/tiles/{z}/{x}/{y}.png", False),
        ("wms", "/lies/wms", False), ("wms", "/hangs", False), ("stac", "/api/", False), ("wmts", "/geo/wms", False),
    ],
)  # fmt: skip
def test_health_is_judged_by_what_is_answered(
    people: dict[str, Any], entry: Any, other: Any, kind: str, path: str, is_healthy: bool, monkeypatch: Any
) -> None:
    """A sign-in page with status 200, another kind of service, one that hangs: marked, with the reason."""
    from kunyu.engines.catalogue.register import health, services
    from kunyu.engines.catalogue.register.settings import services_settings

    if path == "/hangs":
        monkeypatch.setenv("KUNYU_SERVICES_SECONDS", "1.5")
        services_settings.cache_clear()
    one = services.register(people["steward"], entry(kind=kind, addresses=(other.address + path,)))
    (endpoint,) = health.check_service(one)
    assert endpoint.is_healthy is is_healthy
    assert bool(endpoint.reason_zh and endpoint.reason_en) is not is_healthy


def test_the_fastest_healthy_endpoint_comes_first(people: dict[str, Any], entry: Any, other: Any) -> None:
    """R-138: scheduling chooses the healthy endpoint that answers fastest."""
    from kunyu.engines.catalogue.register import queries, services
    from kunyu.engines.catalogue.register.health import note
    from kunyu.engines.catalogue.register.probes import Health

    names = ["away", "slow", "fast", "new"]
    addresses = tuple(f"{other.address}/{name}" for name in names)
    one = services.register(people["steward"], entry(addresses=addresses))
    found = dict(zip(names, one.endpoints.order_by("pk"), strict=True))
    note(found["away"], Health(False, 1.0, "不可用", "away"))
    note(found["slow"], Health(True, 900.0))
    note(found["fast"], Health(True, 20.0))
    order = [endpoint.address.rsplit("/", 1)[1] for endpoint in queries.endpoints_in_order(one)]
    assert order == ["fast", "slow", "new", "away"]


def test_who_registered_it_is_told_once_when_it_fails_and_once_when_it_is_back(
    people: dict[str, Any], entry: Any, other: Any
) -> None:
    from kunyu.engines.catalogue.register import health, services
    from kunyu.engines.worklist.models import Notification

    one = services.register(people["steward"], entry())
    services.act(people["steward"], "relief", "publish")
    other.is_down = True
    for _ in range(5):
        assert health.check_all() == 1
    told = Notification.objects.filter(recipient_id=people["steward"].user_id)
    assert told.count() == 1
    other.is_down = False
    health.check_all()
    assert told.count() == 2
    assert one.endpoints.get().checks.count() == 6


def test_pages_of_services(people: dict[str, Any], entry: Any, sign_in: Any) -> None:
    """The directory splits common and thematic services (R-034); an outsider sees neither the service nor its page."""
    from kunyu.engines.catalogue.register import services

    services.register(people["steward"], entry())
    services.act(people["steward"], "relief", "publish")
    page = sign_in("viewer").get("/services/")
    assert page.status_code == 200 and "地貌晕渲" in page.content.decode() and "/ogc/wmts" in page.content.decode()
    shown = sign_in("viewer").get("/services/relief/").content.decode()
    assert "/proxy/relief/" in shown and "geo/wms" not in shown
    assert "geo/wms" in sign_in("steward").get("/services/relief/").content.decode()
    assert sign_in("stranger").get("/services/relief/").status_code == 404
    assert sign_in("viewer").get("/services/new").status_code == 200
    for path in ("/services/uses/", "/services/keys/", "/services/keys/apply"):
        assert sign_in("viewer").get(path).status_code == 200
