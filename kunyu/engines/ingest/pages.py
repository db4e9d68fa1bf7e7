"""Pages of deliveries: the list with the form to hand one in, and one delivery with its quality report. 汇交页面."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.standards import Standard, load_standard
from kunyu.engines.ingest import access, exceptions, lists, queries, services
from kunyu.engines.ingest.api import start_publishing
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.uploads import hand_in, shipped_mappings
from kunyu.engines.pages import rendering
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security import zones
from kunyu.engines.security.data_names import names_of
from kunyu.engines.security.label_registry import label_of
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, EDIT, Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError, UsageError

FINDINGS_SHOWN = 200
WORKING = (*services.UNFINISHED,)


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _words(request: HttpRequest, error: KunyuError) -> str:
    english = getattr(request, "LANGUAGE_CODE", "").startswith("en")
    return error.detail_en if english else error.detail_zh


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def deliveries(request: HttpRequest) -> HttpResponseBase:
    """The list; a POST hands a file in and goes on to its page."""
    if request.method == "POST":
        try:
            return redirect("delivery", delivery_id=_hand_in(request))
        except KunyuError as error:
            messages.error(request, _words(request, error), extra_tags="danger")
            return redirect("deliveries")
    principal = _principal(request)
    more = {"targets": _targets(principal), "mappings": list(shipped_mappings()), "packs": _packs(principal)}
    return rendering.render(request, lists.deliveries(principal), "ingest/deliveries.html", **more)


def _hand_in(request: HttpRequest) -> int:
    file = request.FILES.get("file")
    if file is None:
        raise UsageError("请选择要汇交的文件。", "Choose a file to hand in.")
    target = request.POST.get("target", "")
    kind, _, code = target.partition(":")
    given = request.POST.get("valid_from", "").strip()
    try:
        valid_from = datetime.date.fromisoformat(given) if given else None
    except ValueError as error:
        raise UsageError(f"日期 {given} 应为 YYYY-MM-DD。", f"Date {given} must be YYYY-MM-DD.") from error
    received = hand_in(
        _principal(request), file, division=request.POST.get("division", "").strip(),
        standard_id=code if kind == "standard" else "", dataset_code=code if kind == "dataset" else "",
        mapping_name=request.POST.get("mapping", ""), valid_from=valid_from,
    )  # fmt: skip
    if received.existing:
        messages.info(
            request, f"该文件已经汇交过，这是原来的批次 {received.delivery.pk}。 / Handed in before: this is it."
        )
    return received.delivery.pk


def _targets(principal: Principal) -> list[dict[str, object]]:
    """Standards and single datasets that the person may deliver to."""
    rows = list(
        Layer.objects.select_related("dataset").order_by("standard_id", "position").values_list(
            "standard_id", "collection", "dataset__code", "dataset__name_zh", "dataset__name_en"
        )
    )  # fmt: skip
    found: dict[str, dict[str, object]] = {}
    for standard_id, collection, code, name_zh, name_en in rows:
        entry = found.setdefault(standard_id, {"id": standard_id, "whole": True, "datasets": {}})
        if principal.divisions(collection, EDIT):
            entry["datasets"].setdefault(code, (code, name_zh, name_en))  # type: ignore[attr-defined]
        elif zones.current_zone().holds(label_of(collection)):
            entry["whole"] = False  # a layer that nobody delivers in this zone takes nothing from the whole
    for entry in found.values():
        standard = load_standard(str(entry["id"]))
        entry |= {"number": standard.number, "name_zh": standard.name_zh, "name_en": standard.name_en}
        entry["datasets"] = list(entry["datasets"].values())  # type: ignore[attr-defined]
    return [entry for entry in found.values() if entry["datasets"]]


def _packs(principal: Principal) -> list[Standard]:
    """Standards of which the person may download something, those of most layers first."""
    rows = Layer.objects.order_by("standard_id").values_list("standard_id", "collection")
    found = Counter(standard_id for standard_id, collection in rows if principal.divisions(collection, DOWNLOAD))
    return [load_standard(one) for one, _ in found.most_common()]


@require_safe
@login_needed
def reference(request: HttpRequest) -> HttpResponse:
    """From the form of the list to the address that issues the pack."""
    asked = [request.GET.get(name, "").strip() for name in ("standard", "division")]
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", asked[0]) or not re.fullmatch(r"\d{6}(\d{3}(\d{3})?)?", asked[1]):
        raise UsageError(
            "请选择标准并填写6、9或12位区划代码。", "Choose a standard and give a division of 6, 9 or 12 digits."
        )
    base = "?base=true" if request.GET.get("base") else ""
    return redirect(f"/api/reference/{asked[0]}/{asked[1]}{base}")


@require_safe
@login_needed
def delivery(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One delivery: where it stands, what mapping lost, what the rules found, on the map and in a table."""
    principal = _principal(request)
    detail = queries.detail(principal, delivery_id)
    found = services.get_delivery(delivery_id)
    rule, after = request.GET.get("rule", ""), request.GET.get("after", "")
    page = queries.findings_page(
        principal, delivery_id, rule=rule, after=int(after) if after.isdigit() else 0, limit=FINDINGS_SHOWN
    )
    counted = detail["check"] or {}
    excepted = (
        queries.findings_page(principal, delivery_id, excepted=True, limit=FINDINGS_SHOWN)["features"]
        if counted.get("excepted")
        else []
    )
    context = {
        "delivery": detail | {"layers": _named(detail["layers"])},
        "division_name": DivisionNames()(detail["division"]),
        "excepted": excepted,
        "may_download": access.allowed(principal, found, DOWNLOAD),
        "proposable": [
            layer
            for layer in sorted({one["properties"]["layer"] for one in page["features"]})
            if exceptions.may_propose(principal, found, layer)
        ],
        "by_rule": _by_rule(counted.get("by_rule", [])),
        "findings": page["features"],
        "next": page["next"],
        "rule": rule,
        "working": detail["status"] in WORKING,
        "may_publish": detail["status"] == services.Status.ACCEPTED and access.may(principal, found, APPROVE),
        "may_reject": bool(services.FOLLOWS[detail["status"]]) and access.may(principal, found, APPROVE),
        "steps": _steps(detail),
        "severities": [(name, detail["findings"][name]) for name in queries.SEVERITIES],
    }
    return render(request, "ingest/delivery.html", context)


_LOSSES = ("rows_left_out", "fields_dropped", "codes_untranslated", "values_truncated", "type_failures")


def _named(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers with the name of what they hold, and whether mapping lost anything of them."""
    names = names_of({one["collection"] for one in layers})
    return [
        one
        | {
            "name": names.get(one["collection"], (one["layer"],) * 2),
            "lost": any((one["loss"] or {}).get(kind) for kind in _LOSSES),
        }
        for one in layers
    ]


def _by_rule(counted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per rule: its layers side by side, its findings together."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in counted:
        row = rows.setdefault((one["severity"], one["rule"]), {**one, "layer": "", "count": 0})
        row["layer"] = " ".join(filter(None, (row["layer"], one["layer"])))
        row["count"] += one["count"]
    return list(rows.values())


def _steps(detail: dict[str, object]) -> list[dict[str, object]]:
    """The path of a delivery as far as it came, and what lies ahead when nothing stopped it."""
    status = str(detail["status"])
    path = ["received", "mapped", "checked", "accepted", "published"]
    reached = [event["status"] for event in detail["events"]]  # type: ignore[attr-defined]
    if status in ("returned", "rejected", "failed"):
        path = [*[step for step in path if step in reached], status]
    labels = dict(Delivery.Status.choices)
    return [
        {"status": step, "zh": labels[step], "done": step in reached, "now": step == status} for step in path
    ]  # fmt: skip


@require_POST
@login_needed
def publish(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Queue the publication and return to the page, which shows its progress."""
    try:
        start_publishing(_principal(request), delivery_id)
        return redirect(f"/deliveries/{delivery_id}?publishing=1")
    except KunyuError as error:
        _say_on_page(request, error)
        return redirect("delivery", delivery_id=delivery_id)


@require_POST
@login_needed
def reject(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Close the delivery with the reason given in the form."""
    principal = _principal(request)
    try:
        access.actionable(principal, delivery_id, APPROVE)
        services.reject(delivery_id, request.POST.get("why", ""), principal)
    except KunyuError as error:
        _say_on_page(request, error)
    return redirect("delivery", delivery_id=delivery_id)


def _say_on_page(request: HttpRequest, error: KunyuError) -> None:
    """Say on the delivery's page what went wrong; who may not do it at all is refused, not told where it stands."""
    if error.http_status in (401, 403, 404):
        raise error
    messages.error(request, _words(request, error), extra_tags="danger")
