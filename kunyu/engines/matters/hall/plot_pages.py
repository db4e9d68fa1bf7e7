"""The step *plot*: where the land is, drawn, typed or uploaded, and what it meets before anything is submitted. 用地范围.

Each way in is a plain form that works without a script; scripts add the map. A plot that cannot be taken comes back to the
form it was given in, with everything typed and a sentence, and its place where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kunyu.engines.analysis import plot_files
from kunyu.engines.analysis.bodies import require_size
from kunyu.engines.analysis.errors import BadPlot
from kunyu.engines.analysis.settings import MIB, analysis_settings
from kunyu.engines.matters.cases import places, services
from kunyu.engines.matters.hall import findings, plot_reading, steps, zones
from kunyu.engines.matters.hall.plot_reading import ReadPlot
from kunyu.engines.matters.hall.wizard import after, principal_of, receipt_address, show, step_page
from kunyu.engines.matters.models import Application
from kunyu.engines.matters.rules.checking import run_checks
from kunyu.engines.pages import once
from kunyu.engines.pages.forms import AT_THE_FORM
from kunyu.engines.pages.words import Pair, pick
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

STEP = "plot"
WAYS = ("draw", "text", "file")
_CROSSES = ("Self-intersection", "Ring Self-intersection")


@dataclass(frozen=True)
class Given:
    """What was sent, to be shown again; ``problem`` and its place where it could not be taken."""

    way: str = "draw"
    geometry: str = ""
    text: str = ""
    crs: str = ""
    revision: int | None = None
    problem: Pair | None = None
    lon: float | None = None
    lat: float | None = None


@step_page
def plot(request: HttpRequest, application: Application) -> HttpResponseBase:
    """Show the plot and the ways to give one; take one."""
    if request.method != "POST":
        return _page(request, application, Given())
    given = Given()
    try:
        require_size(request)
        given = _given(request)
        return once.submit_once(request, lambda: _save(request, application, given))
    except KunyuError as error:
        if error.http_status not in AT_THE_FORM:
            raise
        application.refresh_from_db()  # changed elsewhere meanwhile: the page that comes back may be sent again
        return _page(request, application, _refused(given, error), error.http_status)


def _given(request: HttpRequest) -> Given:
    """What the form says. Raises BadPlot for a way or coordinate system the page does not offer."""
    sent = request.POST
    revision = sent.get("revision", "")
    given = Given(sent.get("way", ""), sent.get("geometry", ""), sent.get("text", ""), sent.get("crs", ""),
                  int(revision) if revision.isdecimal() and len(revision) < 10 else None)  # fmt: skip
    if given.way not in WAYS or not zones.is_choice(given.crs):
        raise BadPlot("请选择绘制、输入坐标或上传文件。", "Draw, type coordinates, or upload a file.")
    return given


def _save(request: HttpRequest, application: Application, given: Given) -> str:
    found = _read(request, given)
    services.save(
        principal_of(request), application.pk, plot=found.geometry, plot_source=found.source, revision=given.revision
    )
    messages.success(request, pick(("用地范围已保存。", "The plot is saved.")))
    for note in found.notes:
        messages.info(request, pick(note))
    return f"{steps.home(application)}{STEP}"


def _read(request: HttpRequest, given: Given) -> ReadPlot:
    if given.way == "draw":
        return plot_reading.drawn(given.geometry)
    if given.way == "text":
        return plot_reading.typed(given.text, given.crs)
    return plot_reading.uploaded(request.FILES.get("file"), given.crs)


def _refused(given: Given, error: KunyuError) -> Given:
    """The sentence at its form, and the place of the fault on the map where it has one."""
    fault = next((one for one in error.context.get("faults", ()) if one["field"] == STEP), error.context)
    return replace(
        given, problem=_plain(error), lon=fault.get("lon"), lat=fault.get("lat"),
        way=given.way if given.way in WAYS else "draw",
    )  # fmt: skip


def _plain(error: KunyuError) -> Pair:
    """The sentence of a fault; the commonest one without the words of geometry."""
    lon, lat = error.context.get("lon"), error.context.get("lat")
    if error.context.get("reason") not in _CROSSES or lon is None or lat is None:
        return error.detail_zh, error.detail_en
    which, _, found = error.detail_zh.rpartition("地块几何无效")
    which_en = error.detail_en.partition("The plot is invalid")[0] if found else ""
    return (
        f"{which}边界自己交叉了，交叉的地方在 {lon:.8f}, {lat:.8f}（图上红圈处）。请按顺序沿着边界给出角点，不要来回跳。",
        f"{which_en}The boundary crosses itself at {lon:.8f}, {lat:.8f} (the red ring on the map). "
        "Give the corners in order along the boundary.",
    )


def _page(request: HttpRequest, application: Application, given: Given, status: int = 200) -> HttpResponse:
    box = places.box_of(application.division_code)
    kept = services.plot_of(application.pk)
    bounds = kept.bounds if kept is not None else box
    return show(
        request, application, STEP, "matters/hall/plot.html", status, once=once.new_token(request), given=given,
        after=after(application, STEP),
        area=findings.area_words(application.plot_area_m2) if application.plot_area_m2 is not None else None,
        box=",".join(f"{value:.6f}" for value in bounds) if bounds else "",
        zones=zones.choices((box[0] + box[2]) / 2 if box else None), suffixes=",".join(dict.fromkeys((*plot_files.SUFFIXES, *plot_reading.LISTS))),
        most_mib=analysis_settings().request_bytes_max // MIB, **shown_findings(request, application),
    )  # fmt: skip


def shown_findings(request: HttpRequest, application: Application) -> dict[str, Any]:
    """What ``matters/hall/_findings.html`` shows: for every page that repeats what the land meets."""
    return {"findings": findings.findings(principal_of(request), application)}


@require_POST
@never_cache
@login_needed
def check(request: HttpRequest, application_id: int) -> HttpResponse:
    """Look what the application meets, now; asked again with nothing changed it is the check that stands."""
    principal = principal_of(request)
    application = services.application_of(principal, application_id)
    if not steps.is_open(application):
        return redirect(receipt_address(application))
    before = findings.newest(application)
    found = run_checks(principal, application)
    if before is not None and before.pk == found.pk:
        messages.info(request, pick(("又查了一遍，结果没有变化。", "Looked again: nothing has changed.")))
    back = STEP if request.POST.get("back") != "submit" else "submit"
    return redirect(f"{steps.home(application)}{back}#findings")


@require_safe
@never_cache
@login_needed
def plot_places(request: HttpRequest, application_id: int) -> JsonResponse:
    """The plot and its overlaps for the map of the page."""
    principal = principal_of(request)
    application = services.application_of(principal, application_id)
    answer = JsonResponse(findings.places(principal, application), content_type="application/geo+json")
    answer["Cache-Control"] = "private, no-store"
    return answer
