"""A list of real divisions at an address of its own, seen by people who sign in."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.test import Client
from django.urls import include, path

from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.listing import Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.words import both
from kunyu.engines.reference.models import Division

LEVELS = [("2", "地级", "City"), ("3", "县级", "County")]


def listing() -> Listing:
    return Listing(
        name="test.divisions",
        title=("行政区划", "Divisions"),
        rows=Division.objects.filter(code__startswith="99"),  # what the person may see
        columns=(
            Column("code", ("代码", "Code"), kind="code", sort="code"),
            Column("name", ("名称", "Name"), lambda one: (one.name_zh, one.name_en), sort="name_zh"),
            Column("level", ("级别", "Level"), lambda one: Badge(one.get_level_display()), kind="badge", priority=2),
            Column("digits", ("位数", "Digits"), lambda one: len(one.code), kind="count"),
            Column("area", ("面积", "Area"), lambda one: 15_000.0, kind="area", priority=3),
            Column("from", ("生效", "Valid from"), "valid_from", kind="date", sort="valid_from"),
            Column("source", ("来源", "Source"), lambda one: Cell(one.source, note=one.parent_code), shown=False),
        ),
        filters=(
            Filter("level", ("级别", "Level"), kind="choice", choices=LEVELS),
            Filter("parent", ("上级", "Parent"), apply="parent_code"),
            Filter("valid", ("生效", "Valid from"), kind="date range", apply="valid_from"),
            Filter("sample", ("只看示例", "Sample only"), kind="bool", apply="is_fictional"),
        ),
        search=("name_zh", "name_en", "code__startswith"),
        order=("code",),
        href=lambda one: f"/divisions/{one.code}/",
        empty=("运行 kunyu up 会装入区划。", "kunyu up loads the divisions."),
        per_page=3,
    )


def show_list(request: HttpRequest) -> HttpResponseBase:
    return rendering.render(request, listing())


class DivisionForm(forms.PageForm):
    name_zh = forms.forms.CharField(label=both("名称", "Name"), max_length=20, help_text=both("官方名称", "Official"))
    code = forms.forms.RegexField(r"^\d{6}$", label=both("代码", "Code"))


def make(request: HttpRequest) -> HttpResponse:
    form = DivisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return once.submit_once(request, lambda: _made(form.cleaned_data))
    return forms.show(request, form, ("新区划", "New division"), ("新建", "Make"), back="/divisions/")


def _made(given: dict[str, str]) -> str:
    Division.objects.create(level=3, source="form", **given)
    return f"/divisions/{given['code']}/"


def remove(request: HttpRequest, code: str) -> HttpResponse:
    if request.method == "POST":
        return once.submit_once(request, lambda: "/divisions/")
    losses = [(f"区划“{code}”", f"division {code}")]
    return forms.confirm(request, ("撤销区划", "Close"), losses, ("撤销", "Close"), back="/divisions/")


class Urls:
    handler404 = "kunyu.project.problems.no_such_address"
    handler500 = "kunyu.project.problems.broken"

    urlpatterns = [
        path("divisions/", show_list),
        path("divisions/new", make),
        path("divisions/<str:code>/remove", remove),
        path("away/", lambda request: redirect("/")),
        path("", include("kunyu.project.urls")),
    ]


def entered(name: str) -> Client:
    user = get_user_model().objects.create_user(name, "correct-horse-9", name_zh=name)
    client = Client()
    client.force_login(user)
    return client
