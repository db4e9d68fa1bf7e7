"""What every page of the wizard shares: whose application it is, where it stands, its frame. 申报向导."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.matters.cases.applying import application_of, save
from kunyu.engines.matters.errors import BadForm, StaleRevision
from kunyu.engines.matters.hall import steps
from kunyu.engines.matters.materials.kinds import definitions_of
from kunyu.engines.matters.models import Application
from kunyu.engines.matters.rules.checking import run_checks
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import Pair, pick
from kunyu.engines.reference import queries as divisions
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

View = Callable[..., HttpResponseBase]


def principal_of(request: HttpRequest) -> Principal:
    """Who asks."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def step_page(view: View) -> View:
    """A page of a step: signed in, one's own application, open for changes; what is closed leads to its receipt.

    The view is given the application instead of its number. Raises UnknownCase.
    """

    @require_http_methods(["GET", "HEAD", "POST"])
    @never_cache
    @login_needed
    @wraps(view)
    def guarded(request: HttpRequest, application_id: int, **more: Any) -> HttpResponseBase:
        application = application_of(principal_of(request), application_id)
        if request.method != "POST" and not steps.is_open(application):
            return redirect(receipt_address(application))
        return view(request, application, **more)

    return guarded


def receipt_address(application: Application) -> str:
    """The page of an application that was submitted or discarded."""
    return f"{steps.home(application)}receipt"


@require_safe
@never_cache
@login_needed
def entrance(request: HttpRequest, application_id: int) -> HttpResponse:
    """The first step that is not done."""
    application = application_of(principal_of(request), application_id)
    if not steps.is_open(application):
        return redirect(receipt_address(application))
    return redirect(next(one.address for one in steps.steps_of(application) if one.is_current))


def show(
    request: HttpRequest, application: Application, step: str, template: str, status: int = 200, **context: Any
) -> HttpResponse:
    """The page of a step in the wizard's frame."""
    definitions = definitions_of(application)
    found = steps.steps_of(application, step, definitions)
    return render(request, template, {
        "application": application, "steps": found, "before": steps.before(found, step),
        "step_title": steps.TITLES[step], "step_code": step, "matters": [matter_name(one) for one in definitions],
        "place": place_name(application.division_code), "correcting": steps.correcting(application), **context,
    }, status=status)  # fmt: skip


def after(application: Application, step: str) -> str:
    """The address of the step that follows."""
    return steps.next_of(steps.steps_of(application, step), step)


def matter_name(definition: Any) -> Pair:
    """Name of a matter in both languages."""
    return definition.name_zh, definition.name_en or definition.name_zh


def place_name(code: str) -> Pair:
    """Names from the province down, ``示范省 示范市 坤舆县``; the code where nothing is known of it."""
    found = [one for one in divisions.path(code) if one.level]
    zh, en = " ".join(one.name_zh for one in found), ", ".join(one.name_en or one.name_zh for one in reversed(found))
    return (zh or code, en or code)


# -- keeping what a step changed -------------------------------------------------------------------------------------

Fault = dict[str, Any]
"""``{"field", "zh", "en"}``; ``field`` '' is about the page as a whole."""
_STALE: Fault = {
    "field": "",
    "zh": "这份申请刚才在别处（另一个窗口或另一台设备）改过。下面仍是您填写的内容，请核对后再保存一次，保存后以这里为准。",
    "en": "This application was changed elsewhere meanwhile (another window or device). Below is what you typed: check it "
          "and save again; what stands here will then hold.",
}  # fmt: skip


def keep(request: HttpRequest, application: Application, **changes: Any) -> list[Fault]:
    """Save what a step changed under the revision its page showed; [] when it is kept.

    A page sent twice finds its own changes kept and says nothing. After a refusal ``application`` is as it stands now.

    Raises
    ------
    UnknownCase, WrongStep
    """
    principal = principal_of(request)
    try:
        saved = save(principal, application.pk, revision=posted_revision(request), **changes)
    except StaleRevision:
        application.refresh_from_db()
        return [] if _is_kept(application, **changes) else [_STALE]
    except BadForm as error:
        application.refresh_from_db()
        return list(error.context.get("faults", ())) or [{"field": "", "zh": error.detail_zh, "en": error.detail_en}]
    application.refresh_from_db()
    assert saved.pk == application.pk
    return []


def posted_revision(request: HttpRequest) -> int:
    """The revision of the page; -1, which is always stale, for a page that was tampered with."""
    given = request.POST.get("revision", "")
    return int(given) if given.isdigit() and len(given) < _LONGEST_REVISION else -1


_LONGEST_REVISION = 10


def _is_kept(
    one: Application, *, form: Any = None, applicant: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Does the application say already what a page wanted kept?"""
    who = {"kind": one.applicant_kind, "name": one.applicant_name, "code": one.applicant_code}
    what = {"code": one.project_code, "name": one.project_name}
    return (
        (form is None or one.form == form)
        and (applicant is None or all(who[key] == value for key, value in applicant.items()))
        and (project is None or all(what[key] == value for key, value in project.items()))
    )


def at_fields(form: PageForm, faults: Iterable[Fault], prefix: str) -> None:
    """Put faults beside the fields they are about: ``applicant.code`` beside ``code`` for the prefix ``applicant``."""
    for one in faults:
        name = str(one["field"]).removeprefix(f"{prefix}.")
        form.add_error(name if name in form.fields else None, pick((one["zh"], one["en"])))


def go_on(request: HttpRequest, application: Application, step: str) -> HttpResponse:
    """On to the next step, or, where 暂存 was pressed, to the list of one's applications with a word that it is kept.

    Before the last page everything is looked at once, so that its answers are of what stands there.
    """
    if "later" in request.POST:
        messages.success(request, pick(("已暂存，随时可以回来继续填写。", "Kept: come back and go on at any time.")))
        return redirect("/hall/mine/")
    found = after(application, step)
    if found.endswith("/submit"):
        run_checks(principal_of(request), application)
    return redirect(found)
