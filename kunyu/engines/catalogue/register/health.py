"""Looking at every endpoint now and then, and telling whoever registered a service when it fails. 服务监控."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from kunyu.engines.catalogue.register import probes
from kunyu.engines.catalogue.register.models import Service, ServiceCheck, ServiceEndpoint
from kunyu.engines.catalogue.register.probes import Health
from kunyu.engines.catalogue.register.settings import services_settings
from kunyu.engines.security.models import User
from kunyu.engines.worklist.notices import Notice, notify

AT_ONCE = 8
TOLD_AFTER = 3
"""Checks in a row that fail before somebody is told: one lost packet is no failure."""
KEPT = timedelta(days=30)


def check_service(service: Service) -> list[ServiceEndpoint]:
    """Look at every endpoint of a service now."""
    return _check(list(service.endpoints.select_related("service")))


def check_all() -> int:
    """Look at every endpoint of every published service; forget what is older than thirty days. How many?"""
    ServiceCheck.objects.filter(at__lt=timezone.now() - KEPT).delete()
    listed = ServiceEndpoint.objects.filter(service__state=Service.State.PUBLISHED).select_related("service")
    return len(_check(list(listed)))


def _check(endpoints: list[ServiceEndpoint]) -> list[ServiceEndpoint]:
    reach = services_settings().reach

    def look(one: tuple[str, str, dict[str, str]]) -> Health:
        kind, address, headers = one
        return probes.look(kind, address, reach, headers)

    asked = [(one.service.kind, *with_secret(one.service, one.address)) for one in endpoints]
    # the threads ask the network only; the database is written here
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="health") as pool:
        for endpoint, health in zip(endpoints, pool.map(look, asked), strict=True):
            note(endpoint, health)
    return endpoints


def with_secret(service: Service, address: str) -> tuple[str, dict[str, str]]:
    """The address and headers of a request, with the service's key where it belongs."""
    place, _, name = service.secret_place.partition(":")
    secret = service.secret if place else ""
    if not secret:
        return address, {}
    return (probes.with_query(address, **{name: secret}), {}) if place == "query" else (address, {name: secret})


@transaction.atomic
def note(endpoint: ServiceEndpoint, health: Health) -> None:
    """Write down what a look found; tell who registered the service when it failed often enough, or is back."""
    was_down = endpoint.failures >= TOLD_AFTER
    endpoint.failures = 0 if health.is_healthy else endpoint.failures + 1
    endpoint.is_healthy, endpoint.latency_ms, endpoint.checked_at = health.is_healthy, health.latency_ms, timezone.now()
    # a refused address must not show the key that stands in it
    endpoint.reason_zh, endpoint.reason_en = (
        _without_key(endpoint, one) for one in (health.reason_zh, health.reason_en)
    )
    endpoint.save()
    ServiceCheck.objects.create(
        endpoint=endpoint, at=endpoint.checked_at, is_healthy=health.is_healthy, latency_ms=health.latency_ms,
        reason_zh=endpoint.reason_zh, reason_en=endpoint.reason_en,
    )  # fmt: skip
    if endpoint.failures == TOLD_AFTER:
        _tell(endpoint, ("不可用", "is away"), endpoint.reason_zh, endpoint.reason_en)
    elif was_down and health.is_healthy:
        _tell(endpoint, ("已恢复", "is back"), "", "")


def _without_key(endpoint: ServiceEndpoint, text: str) -> str:
    secret = endpoint.service.secret
    return text.replace(secret, "***") if secret else text


def _tell(endpoint: ServiceEndpoint, what: tuple[str, str], why_zh: str, why_en: str) -> None:
    service = endpoint.service
    users = User.objects.filter(username=service.created_by).values_list("pk", flat=True)
    notify(users, Notice(
        "service_health", f"service-health:{endpoint.pk}:{timezone.now().isoformat()}",
        f"服务 {service.name_zh} {what[0]}", f"Service {service.name_en or service.name_zh} {what[1]}",
        why_zh, why_en, f"/services/{service.code}/",
    ))  # fmt: skip
