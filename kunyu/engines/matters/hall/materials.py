"""The step of the materials: upload, reuse, let a licence stand in, withdraw. 申请材料.

One form holds them all: a browser without scripts sends every chosen file with one button; with them
(``web/src/hall/upload.ts``) each is sent as soon as it is chosen, and only its own card is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from kunyu.engines.matters.errors import BadMaterial, NotYourStep, WrongStep
from kunyu.engines.matters.hall import papers, steps, wizard
from kunyu.engines.matters.materials import standing_in, taking
from kunyu.engines.matters.materials.access import UnknownMaterial
from kunyu.engines.matters.materials.settings import material_settings
from kunyu.engines.matters.models import Application
from kunyu.engines.pages.words import Pair, pick
from kunyu.kernel.errors import KunyuError

STEP = "materials"
_FILE, _PHOTO, _EARLIER, _LICENCE = "file-", "photo-", "earlier-", "licence-"
_ON_THE_PAGE = (BadMaterial, WrongStep, NotYourStep, UnknownMaterial)


@wizard.step_page
def materials(request: HttpRequest, application: Application) -> HttpResponse:
    """The papers asked for and those handed in."""
    if request.method != "POST":
        return _page(request, application, {})
    act, _, what = request.POST.get("act", "").partition(":")
    do = _ACTS.get(act, _upload)
    refused = do(request, application, what)
    if "application/json" in request.headers.get("Accept", ""):
        return _for_script(refused)
    if refused:
        return _page(request, application, refused, 422)
    if "later" in request.POST or "next" in request.POST:
        return wizard.go_on(request, application, STEP)
    return redirect(f"{steps.home(application)}{STEP}#kind-{_touched(request, what)}")


def _page(request: HttpRequest, application: Application, refused: dict[str, Pair], status: int = 200) -> HttpResponse:
    rows = papers.rows(wizard.principal_of(request), application, refused)
    known = {row.kind.code for row in rows}
    return wizard.show(
        request, application, STEP, "matters/hall/materials.html", status, **_sorted(rows),
        loose=[words for code, words in refused.items() if code not in known], limit_mb=material_settings().material_mb,
        missing=[row for row in rows if row.is_missing], is_reading=papers.is_reading(rows),
    )  # fmt: skip


def _sorted(rows: list[papers.Row]) -> dict[str, list[papers.Row]]:
    """What must be handed in or is there, what may be, and what the form does not call for: that is folded away."""
    unneeded = [row for row in rows if row.is_unneeded]
    first = [row for row in rows if row.is_needed or row.newest is not None]
    return {"rows": first, "optional": [row for row in rows if row not in first and row not in unneeded],
            "unneeded": unneeded}  # fmt: skip


def _for_script(refused: dict[str, Pair]) -> JsonResponse:
    return JsonResponse(
        {"refused": {code: pick(words) for code, words in refused.items()}}, status=422 if refused else 200
    )


def _touched(request: HttpRequest, what: str) -> str:
    """The kind whose card to come back to."""
    return next((name.partition("-")[2] for name in request.FILES), what)


# -- acts ----------------------------------------------------------------------------------------------------------------


def _upload(request: HttpRequest, application: Application, what: str) -> dict[str, Pair]:
    """Take every file that came; those that are refused say why, the others are kept."""
    principal = wizard.principal_of(request)
    refused: dict[str, Pair] = {}
    for name in request.FILES:
        kind = name.partition("-")[2]
        for file in request.FILES.getlist(name) if name.startswith((_FILE, _PHOTO)) else ():
            refused |= _tried(
                kind,
                lambda kind=kind, file=file: taking.take(  # type: ignore[misc]
                    principal, application.pk, kind, file.name or "material", file
                ),
            )
    if not request.FILES and what:
        return {what: ("请先选择文件，再上传。", "Choose a file first.")}
    return refused


def _withdraw(request: HttpRequest, application: Application, what: str) -> dict[str, Pair]:
    number = int(what) if what.isdigit() and len(what) < _LONGEST_ID else 0
    return _tried("", lambda: taking.withdraw(wizard.principal_of(request), application.pk, number))


_LONGEST_ID = 18


def _reuse(request: HttpRequest, application: Application, what: str) -> dict[str, Pair]:
    given = request.POST.get(f"{_EARLIER}{what}", "")
    number = int(given) if given.isdigit() and len(given) < _LONGEST_ID else 0
    if not number:
        return {what: ("请先选择以前交过的材料。", "Choose an earlier material first.")}
    return _tried(what, lambda: standing_in.reuse(wizard.principal_of(request), application.pk, what, number))


def _stand_in(request: HttpRequest, application: Application, what: str) -> dict[str, Pair]:
    number = request.POST.get(f"{_LICENCE}{what}", "").strip()
    if not number:
        return {what: ("请先选择证照。", "Choose a licence first.")}
    return _tried(what, lambda: standing_in.stand_in(wizard.principal_of(request), application.pk, what, number))


def _nothing(request: HttpRequest, application: Application, what: str) -> dict[str, Pair]:
    return {}


_ACTS: dict[str, Callable[[HttpRequest, Application, str], dict[str, Pair]]] = {
    "upload": _upload, "withdraw": _withdraw, "reuse": _reuse, "licence": _stand_in, "look": _nothing,
}  # fmt: skip


def _tried(kind: str, act: Callable[[], object]) -> dict[str, Pair]:
    """Do it; a refusal becomes a sentence at its kind."""
    try:
        act()
    except _ON_THE_PAGE as error:
        assert isinstance(error, KunyuError)
        return {kind: (error.detail_zh, error.detail_en)}
    return {}
