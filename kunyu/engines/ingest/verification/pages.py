"""Pages of verifications: the runs with the form to start one, and one run with its findings on the map. 印证页面."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.ingest.models import Verification
from kunyu.engines.ingest.pages import FINDINGS_SHOWN, _principal, _words
from kunyu.engines.ingest.verification import access, lists, queries
from kunyu.engines.ingest.verification.api import begin
from kunyu.engines.ingest.verification.trend import Drawing, drawn
from kunyu.engines.pages import rendering
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.reference.naming import DivisionNames, division_cell
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

HERE = "/verifications/"


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def index(request: HttpRequest) -> HttpResponseBase:
    """The list; a POST starts a verification and goes on to its page."""
    if request.method == "POST":
        try:
            started = begin(request, request.POST.get("division", "").strip())
        except KunyuError as error:
            if error.http_status in (401, 403, 404):
                raise
            messages.error(request, _words(request, error), extra_tags="danger")
            return redirect(HERE)
        if started.existing:
            messages.info(
                request, "该区划正在印证，这是正在运行的一次。 / This county is being verified already: this is it."
            )
        return redirect("verification", number=started.verification.pk)
    principal = _principal(request)
    listing = lists.listing(principal)
    return rendering.render(request, listing, "ingest/verifications.html", counties=_counties(principal))


def _counties(principal: Principal) -> list[str]:
    """Counties with published data that the person may start a verification of."""
    found = (
        DatasetVersion.objects.filter(
            layer__collection__in=access.collections(), status=DatasetVersion.Status.PUBLISHED
        ).order_by("county").values_list("county", flat=True).distinct()
    )  # fmt: skip
    return [one for one in found if access.may_start(principal, one)]


@require_safe
@login_needed
def record(request: HttpRequest, number: int) -> HttpResponse:
    """One run: counts by rule, findings in a table and on the map, how counts went over runs, what it read."""
    principal = _principal(request)
    one = access.visible_verification(principal, number)
    said = queries.detail(principal, number)
    rule, after = request.GET.get("rule", ""), request.GET.get("after", "")
    page = queries.findings_page(
        principal, number, rule=rule, after=int(after) if after.isdigit() else 0, limit=FINDINGS_SHOWN
    )
    names = queries.rule_names()
    context: dict[str, Any] = {
        "record": _record(one), "one": said, "findings": page["features"], "next": page["next"], "rule": rule,
        "working": one.status == Verification.Status.RUNNING,
        "placed": any(feature["geometry"] for feature in page["features"]),
        "trend": _trend(principal, one.division_code),
        "not_run": [{**given, "name": names.get(given["rule"])} for given in said["rules_not_run"]],
        "may_start": access.may_start(principal, one.division_code),
    }  # fmt: skip
    return render(request, "ingest/verification.html", context)


def _trend(principal: Principal, division: str) -> Drawing | None:
    runs = queries.trend(principal, division)
    return drawn(runs) if len(runs) > 1 else None


def _record(one: Verification) -> Record:
    ended = timezone.localtime(one.ended_at) if one.ended_at else "—"
    return Record(
        title=(f"印证 {one.pk}", f"Verification {one.pk}"),
        lead=DivisionNames()(one.division_code),
        crumbs=(Crumb(("数据相互印证", "Mutual verification"), HERE), Crumb(str(one.pk))),
        facts=(
            Fact(("状态", "Status"), lists.state_of(one), "badge"),
            Fact(("区划", "Division"), division_cell(one.division_code)),
            Fact(("发起人", "Started by"), one.started_by),
            Fact(("发起时间", "Started"), timezone.localtime(one.started_at), "time"),
            Fact(("结束时间", "Ended"), ended, "time" if one.ended_at else "text"),
            Fact(("结果 SM3", "Result SM3"), one.digest[:16] or "—", "code"),
            Fact(("规则版本", "Edition of the rules"), one.summary.get("edition", "")[:16] or "—", "code"),
        ),
    )
