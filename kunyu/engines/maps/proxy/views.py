"""``/proxy/{code}/…``: a registered service, read under the rights on its data. 服务代理.

The caller's own credentials never leave the node; cookies of the other side never reach him.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.register import health, queries
from kunyu.engines.catalogue.register.errors import ServiceAway
from kunyu.engines.catalogue.register.models import Service, ServiceEndpoint
from kunyu.engines.catalogue.register.probes import Health
from kunyu.engines.catalogue.register.settings import services_settings
from kunyu.engines.maps.answers import principal_of, reading
from kunyu.engines.maps.proxy.addresses import inward, outward, without_secret
from kunyu.engines.security import audit, label_registry
from kunyu.kernel.outbound import Answer, OutboundFailed, OutboundRefused, ask

HOP = "Via"
OURS = "kunyu"
_PASSED_ON = ("content-type", "last-modified", "expires", "content-language")
_PLAIN = "application/octet-stream"
# what a browser would run as a page of this node is handed out as a file
_ACTIVE = ("text/html", "application/xhtml+xml", "image/svg+xml", "text/javascript", "application/javascript")


@reading
def pass_on(request: HttpRequest, code: str, rest: str = "") -> HttpResponse:
    """Ask the healthiest endpoint and answer with what it says.

    Raises
    ------
    UnknownService, SignInNeeded, NotAllowed, WrongServiceState
    OutboundRefused
        The address leads elsewhere, or back to this node.
    ServiceAway
        No endpoint answered; each failure is noted as a failed check.
    """
    principal = principal_of(request)
    service = queries.usable_service(principal, code)
    if f" {OURS}" in request.headers.get(HOP, ""):
        raise OutboundRefused("请求绕回了本节点，已停止。", "The request came back to this node and was stopped.")
    label = label_registry.strictest_of(service.collection).code
    audit.record_read(principal, service.collection, None, label, "proxy")
    endpoint, answer = _answer_of(service, rest, request.META.get("QUERY_STRING", ""))
    here = request.build_absolute_uri(f"/proxy/{service.code}/")
    media_type = answer.media_type or _PLAIN
    body = without_secret(inward(answer.body, media_type, endpoint.address, here), service.secret)
    response = HttpResponse(body, status=answer.status if answer.status in (200, 204, 404) else 502)
    for name in _PASSED_ON:
        if name in answer.headers:
            response[name] = answer.headers[name]
    response["Cache-Control"] = "private, max-age=60"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if media_type in _ACTIVE:
        response["Content-Disposition"] = "attachment"
    response["Kunyu-Endpoint"] = queries.host_of(endpoint.address)
    return response


def _answer_of(service: Service, rest: str, query: str) -> tuple[ServiceEndpoint, Answer]:
    """The first endpoint, in order of health, that answers at all."""
    reach, last = services_settings().reach, None
    for endpoint in queries.endpoints_in_order(service):
        address = outward(service.kind, endpoint.address, rest, query)
        asked, headers = health.with_secret(service, address)
        try:
            answer = ask(asked, reach, {**headers, HOP: f"1.1 {OURS}"})
        except OutboundFailed as error:
            last = error
            with transaction.atomic():
                health.note(endpoint, Health(False, None, error.detail_zh, error.detail_en))
            continue
        if answer.status < 500:
            return endpoint, answer
        last = OutboundFailed(f"应答状态 {answer.status}。", f"Answered with status {answer.status}.")
    why_zh = last.detail_zh if last else "没有登记任何地址。"
    why_en = last.detail_en if last else "It has no endpoint."
    raise ServiceAway(
        f"服务 {service.name_zh} 暂不可用：{why_zh}", f"Service {service.code} is away: {why_en}", service=service.code
    )
