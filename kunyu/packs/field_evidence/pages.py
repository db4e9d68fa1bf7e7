"""The office: queue, one task with its photos on the map, imports, devices, statistics. 举证核查页面.

Own pages, because a reviewer looks at large photos beside a map with view cones, which no list or form of the house shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from kunyu.engines.pages import once, rendering
from kunyu.engines.pages.forms import AT_THE_FORM, PageForm, handle, show
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.reference.models import Division, Organisation
from kunyu.engines.security.names import names_of
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import EDIT, Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError
from kunyu.packs.field_evidence import access, imports, lists, queries, services, statistics, task_list
from kunyu.packs.field_evidence.access import COLLECTION, LEVELS
from kunyu.packs.field_evidence.errors import UnknownEvidence
from kunyu.packs.field_evidence.models import Device, EvidenceEvent, EvidencePhoto, EvidenceTask, State
from kunyu.packs.field_evidence.photos.checks import CHECKS
from kunyu.packs.field_evidence.photos.package import KINDS, POSITIONING

PIECE_BYTES = 1 << 16
PHOTOS_SHOWN = 500
ACTS = (*services.ACTS, "archive")


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@require_safe
@login_needed
def queue(request: HttpRequest) -> HttpResponseBase:
    """Every task that may be seen, by state and division; those that wait for the person on request."""
    return rendering.render(request, lists.queue(_principal(request)))


@require_safe
@login_needed
def task(request: HttpRequest, task_id: int) -> HttpResponse:
    """One task: photos large, one at a time, with facts and verdicts; the map; what the person may do."""
    principal = _principal(request)
    found = access.visible_task(principal, task_id)
    photos = queries.photos_of(found)
    chosen = _chosen(photos, request.GET.get("photo", ""))
    before, after = queries.neighbours(principal, found)
    at = photos.index(chosen) if chosen else 0
    context = {
        "task": found, "photos": [(one, KINDS.get(one.kind, ("", ""))) for one in photos], "photo": chosen,
        "kind": KINDS.get(chosen.kind, ("", "")) if chosen else ("", ""),
        "checks": [(one, CHECKS[one.check_code]) for one in queries.checks_of(chosen)] if chosen else [],
        "previous_photo": photos[at - 1].pk if chosen and at else None,
        "next_photo": photos[at + 1].pk if chosen and at + 1 < len(photos) else None,
        "previous_task": before, "next_task": after, "acts": services.may_act(principal, found),
        "lacking": services.completeness(found), "steps": _steps(found), "once": once.new_token(request),
        "number_of_photo": at + 1, "positioning": POSITIONING.get(chosen.positioning, ("", "")) if chosen else ("", ""),
        "history": _history(found), "place": Division.objects.filter(code=found.division_code, valid_to=None).first(),
    }  # fmt: skip
    return render(request, "field_evidence/task.html", context)


def _history(found: EvidenceTask) -> list[tuple[EvidenceEvent, str]]:
    """What was done with a task, and the name of who did it."""
    events = list(found.events.all())
    names = names_of(one.actor for one in events)
    return [(one, names[one.actor]) for one in events]


def _chosen(photos: list[EvidencePhoto], asked: str) -> EvidencePhoto | None:
    named = next((one for one in photos if str(one.pk) == asked), None)
    return named or (photos[0] if photos else None)


def _steps(found: EvidenceTask) -> list[dict[str, Any]]:
    """The path of a task; what is behind it, where it stands, what lies ahead."""
    path = [State.PENDING, State.EVIDENCED, *LEVELS, State.PASSED, State.ARCHIVED]
    if found.state == State.RETURNED:
        path = [State.PENDING, State.EVIDENCED, State.RETURNED]
    at = path.index(State(found.state))
    return [
        {"state": State(one), "zh": State(one).label, "done": place <= at, "now": place == at}
        for place, one in enumerate(path)
    ]


@require_POST
@login_needed
def act(request: HttpRequest, task_id: int, act: str) -> HttpResponse:
    """Submit, approve, return, send to the field, exempt or archive; then on to the next task that waits."""
    from django.contrib import messages

    principal, reason = _principal(request), request.POST.get("reason", "")
    found = access.visible_task(principal, task_id)
    services.require_right(principal, found, act)
    after = queries.neighbours(principal, found)[1]

    def do() -> str:
        if act == "archive":
            services.archive(principal, task_id)
        else:
            services.ACTS[act](principal, task_id, reason)
        return f"/evidence/{after}" if after and act in ("approve", "return", "doubt") else f"/evidence/{task_id}"

    try:
        return once.submit_once(request, do)
    except KunyuError as error:
        if error.http_status in (401, 403, 404):
            raise
        english = getattr(request, "LANGUAGE_CODE", "").startswith("en")
        messages.error(request, error.detail_en if english else error.detail_zh, extra_tags="danger")
        return redirect("evidence-task", task_id=task_id)


@require_safe
@login_needed
def photo(request: HttpRequest, photo_id: int) -> StreamingHttpResponse:
    """The picture of one photo, decrypted as it is read; looking at it is on record before the first byte leaves."""
    principal = _principal(request)
    found = access.visible_photo(principal, photo_id)
    if not found.image_sm3_stored:
        raise UnknownEvidence(f"照片 {found.name} 没有图像文件。", f"Photo {found.name} came without a picture.")
    access.record_look(principal, found)
    content = object_store().open(found.image_sm3_stored)
    answer = StreamingHttpResponse(iter(lambda: content.read(PIECE_BYTES), b""), content_type="image/jpeg")
    answer._resource_closers.append(content.close)  # type: ignore[attr-defined]
    answer["Content-Length"] = str(found.size)
    # nothing keeps it: a later look is another entry of the audit, and a right that was lost holds at once
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Disposition"] = "inline"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


# -- imports, lists, devices ---------------------------------------------------------------------------------------


class PackageForm(PageForm):
    """One evidence package."""

    file = forms.FileField(label=both("举证包（zip）", "Evidence package (zip)"))


class ListForm(PageForm):
    """One list of patches."""

    file = forms.FileField(
        label=both("任务清单", "Task list"),
        help_text=both(
            "GeoPackage、GeoJSON，或带 WKT 列（CGCS2000 经纬度）的 UTF-8 CSV；须有 JCBH（或 BSM）和 XZQDM。",
            "GeoPackage, GeoJSON, or CSV in UTF-8 with a column WKT (CGCS2000 longitude, latitude); JCBH (or BSM) and XZQDM are needed.",
        ),
    )


class DeviceForm(PageForm):
    """One device to register."""

    number = forms.CharField(label=both("设备号", "Number"), max_length=60)
    public_key = forms.CharField(
        label=both("SM2 公钥（130 位十六进制）", "SM2 public key (130 hexadecimal digits)"), max_length=140,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control ky-code"}),
    )  # fmt: skip
    organisation = forms.ChoiceField(label=both("单位", "Organisation"))

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reach = access.granted(principal, EDIT)
        self.fields["organisation"].choices = [  # type: ignore[attr-defined]
            (one.code, one.name_zh)
            for one in Organisation.objects.filter(closed_on=None)
            if reach.allows_division(one.division_code)
        ]


class ReasonForm(PageForm):
    """Why."""

    reason = forms.CharField(label=both("原因", "Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=1000)


def _upload(
    request: HttpRequest, form: PageForm, do: Callable[[dict[str, Any]], str], title: Pair, action: Pair, **more: Any
) -> HttpResponse:
    """A form whose act is idempotent by the file's digest: outside the transaction of a token, a refusal stays on record."""
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(do(form.cleaned_data))
        except KunyuError as error:
            if error.http_status not in AT_THE_FORM:
                raise
            form.add_error(None, pick((error.detail_zh, error.detail_en)))
    return show(request, form, title, action, **more)


@require_safe
@login_needed
def import_log(request: HttpRequest) -> HttpResponseBase:
    """Packages that came in."""
    return rendering.render(request, lists.imports(_principal(request)))


@login_needed
def import_new(request: HttpRequest) -> HttpResponse:
    """Upload a package."""
    from django.contrib import messages

    principal = _principal(request)
    access.granted(principal, EDIT)

    def do(values: dict[str, Any]) -> str:
        done = imports.hand_in(values["file"], principal)
        if done.existing:
            messages.info(request, both("该文件已经导入过，这是原来的记录。", "Imported before: this is the entry."))
        return f"/evidence/imports/{done.entry.pk}"

    form = PackageForm(request.POST or None, request.FILES or None)
    return _upload(
        request, form, do, ("导入举证包", "Import an evidence package"), ("导入", "Import"), back="/evidence/",
        lead=("逐张核验后入库；不合格的照片保留并注明原因。", "Every photo is checked and kept; bad ones say why."),
    )  # fmt: skip


@require_safe
@login_needed
def import_one(request: HttpRequest, import_id: int) -> HttpResponse:
    """One package: its photos that are bad or belong to no task first."""
    found = access.visible_import(_principal(request), import_id)
    visible = queries.tasks(_principal(request)).values("pk")
    rows = found.items.select_related("task").prefetch_related("checks").order_by("is_good", "position")
    shown = [*rows.filter(task=None)[:PHOTOS_SHOWN], *rows.filter(task__in=visible)[:PHOTOS_SHOWN]]
    shown.sort(key=lambda one: (one.is_good, one.position))
    photos = [
        (
            one,
            KINDS.get(one.kind, ("", "")),
            [(c, CHECKS[c.check_code]) for c in queries.checks_of(one) if c.outcome == "fail"],
        )
        for one in shown[:PHOTOS_SHOWN]
    ]
    return render(request, "field_evidence/import.html", {"entry": found, "photos": photos})


@login_needed
def list_new(request: HttpRequest) -> HttpResponse:
    """Upload a list of patches."""
    from django.contrib import messages

    principal = _principal(request)
    access.granted(principal, EDIT)

    def do(values: dict[str, Any]) -> str:
        done = task_list.hand_in(values["file"], principal)
        messages.success(
            request,
            both(
                f"新增任务 {done.made} 个，已有 {done.existing} 个未改动。",
                f"{done.made} tasks made, {done.existing} stood already.",
            ),
        )
        return "/evidence/"

    form = ListForm(request.POST or None, request.FILES or None)
    return _upload(request, form, do, ("导入任务清单", "Import a task list"), ("导入", "Import"), back="/evidence/")


@require_safe
@login_needed
def devices(request: HttpRequest) -> HttpResponseBase:
    """Registered devices."""
    return rendering.render(request, lists.devices(_principal(request)))


@login_needed
def device_new(request: HttpRequest) -> HttpResponse:
    """Register a device."""
    principal = _principal(request)
    form = DeviceForm(request.POST or None, principal=principal)

    def do(values: dict[str, Any]) -> str:
        services.register_device(principal, values["number"], values["public_key"], values["organisation"])
        return "/evidence/devices/"

    return handle(request, form, do, ("登记设备", "Register a device"), ("登记", "Register"), back="/evidence/devices/")


@login_needed
def device_revoke(request: HttpRequest, number: str) -> HttpResponse:
    """Revoke a device, with a reason."""
    principal = _principal(request)
    reach = access.granted(principal, EDIT)
    device = Device.objects.select_related("organisation").filter(number=number).first()
    if device is None or not reach.allows_division(device.organisation.division_code):
        raise UnknownEvidence(
            f"没有设备 {number}，或者您无权管理。", f"There is no device {number}, or it is not yours to revoke."
        )

    def do(values: dict[str, Any]) -> str:
        services.revoke_device(principal, number, values["reason"])
        return "/evidence/devices/"

    losses = [
        (
            "此后用该设备拍摄的照片一律不合格；此前的照片不变。",
            "Photos taken with it from now on are bad; earlier ones stay.",
        )
    ]
    return handle(
        request, ReasonForm(request.POST or None), do, (f"注销设备 {number}", f"Revoke device {number}"), ("注销", "Revoke"),
        back="/evidence/devices/", losses=losses,
    )  # fmt: skip


@require_safe
@login_needed
def figures(request: HttpRequest) -> HttpResponse:
    """Statistics per county, and which checks photos fail."""
    principal = _principal(request)
    context = {
        "counties": statistics.per_county(principal),
        "failing": [(CHECKS[code], number) for code, number in statistics.failing_checks(principal)],
        "collection": COLLECTION,
    }
    return render(request, "field_evidence/statistics.html", context)
