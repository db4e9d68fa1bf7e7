"""What every page of the wizard shares: whose application it is, where it stands, its frame. 申报向导."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.matters.cases.applying import application_of
from kunyu.engines.matters.hall import steps
from kunyu.engines.matters.materials.kinds import definitions_of
from kunyu.engines.matters.models import Application
from kunyu.engines.pages.words import Pair
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
        "step_title": steps.TITLES[step], "matters": [matter_name(one) for one in definitions],
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
