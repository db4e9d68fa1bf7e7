"""One page for "why may this person?", "who may?" and "what may this person?". 为什么能看、谁能看、能看什么."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms as django_forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from kunyu.engines.catalogue.models import Dataset, Layer
from kunyu.engines.catalogue.permissions import fields, names, people
from kunyu.engines.pages import rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Tab
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.security import explain, grant_services, rights_bundles, rights_words, scope
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import security_page
from kunyu.engines.security.explain import Question
from kunyu.engines.security.models import RightSource, User
from kunyu.engines.security.scope import Principal

HERE = "/admin/access/"
DATASETS_SUGGESTED = 1_000


class AccessForm(PageForm):
    """Person, dataset or both; action and division narrow the question."""

    person = django_forms.CharField(
        label=both("人员", "Person"), required=False, max_length=60,
        widget=django_forms.TextInput(attrs={"list": "people", "placeholder": both("账号或姓名", "account or name")}),
    )  # fmt: skip
    dataset = django_forms.CharField(
        label=both("数据", "Data"), required=False, max_length=60,
        widget=django_forms.TextInput(attrs={"list": "datasets", "placeholder": both("代码或名称", "code or name")}),
    )  # fmt: skip
    action = django_forms.ChoiceField(label=both("做什么", "Doing"), required=False)
    division = django_forms.CharField(
        label=both("区划", "Division"), required=False, max_length=40,
        widget=django_forms.TextInput(attrs={"list": "divisions", "placeholder": both("任意", "any")}),
    )  # fmt: skip

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.principal = principal
        offered = [(key, pick(pair)) for key, pair in rights_words.ACTIONS.items()]
        self.fields["action"].choices = offered  # type: ignore[attr-defined]

    def clean_person(self) -> User | None:
        text = self.cleaned_data["person"].strip()
        return fields.person(self.principal, text) if text else None

    def clean_dataset(self) -> str:
        text = self.cleaned_data["dataset"].strip()
        return collection_of(text) if text else ""

    def clean_division(self) -> str:
        return fields.division(self.cleaned_data["division"])

    def clean_action(self) -> str:
        return self.cleaned_data["action"] or scope.SEE


def collection_of(text: str) -> str:
    """The code of a dataset or layer given by code or by name; ValidationError otherwise."""
    by_code = Dataset.objects.filter(code=text).values_list("code", flat=True).first()
    by_code = by_code or Layer.objects.filter(collection=text).values_list("collection", flat=True).first()
    if by_code:
        return str(by_code)
    found = list(Dataset.objects.filter(name_zh__icontains=text).values_list("code", flat=True)[:6])
    if len(found) == 1:
        return str(found[0])
    said = "、".join(found) or pick(("没有", "none"))
    raise django_forms.ValidationError(
        pick((f"请填数据集代码；名称含“{text}”的：{said}。", f"Give the code; datasets called {text!r}: {said}."))
    )


@dataclass(frozen=True)
class Asked:
    """What was asked, as the page repeats it."""

    data: Pair
    place: Pair
    action: Pair


@security_page
def access(request: HttpRequest) -> HttpResponseBase:
    """The question is in the address; without one the page teaches."""
    principal = request.principal  # type: ignore[attr-defined]
    asked = any(request.GET.get(name) for name in ("person", "dataset"))
    form = AccessForm(principal, request.GET if asked else None)
    context: dict[str, Any] = {
        "form": form, "tabs": sections.tabs(principal, HERE), "people": people.suggested(principal),
        "divisions": fields.below(principal),
        "datasets": [(code, pick((zh, en))) for code, zh, en in
                     Dataset.objects.order_by("position").values_list("code", "name_zh", "name_en")[:DATASETS_SUGGESTED]],
    }  # fmt: skip
    if not asked or not form.is_valid():
        return render(request, "permissions/access.html", context, status=422 if asked else 200)
    person, dataset = form.cleaned_data["person"], form.cleaned_data["dataset"]
    if person and dataset:
        return render(request, "permissions/access.html", context | _why(person, dataset, form.cleaned_data))
    if person:
        bundles, more = rights_bundles.of_person(person)
        found = {"subject": person, "bundles": bundles, "more": more, "clearance": rights_bundles.clearance_of(person)}
        return render(request, "permissions/access.html", context | found)
    return _who(request, principal, form, context)


def _why(person: User, dataset: str, given: dict[str, Any]) -> dict[str, Any]:
    public = Dataset.objects.filter(code=dataset.partition(".")[0], is_public=True).exists()
    question = Question(person, dataset, given["action"], given["division"], public)
    data = names.names_of([dataset]).get(dataset, (dataset, dataset))
    place = rights_words.division_names([given["division"]])[given["division"]] if given["division"] else ("", "")
    asked = Asked((f"{data[0]}（{dataset}）", f"{data[1]} ({dataset})"), place, rights_words.ACTIONS[given["action"]])
    return {"answer": explain.why(question), "subject": person, "asked": asked}


def _source(one: RightSource) -> object:
    if one.post is None or one.role is None:
        return Cell(("直接授予", "granted directly"), note=one.grant.granted_by)
    return Cell((str(one.post), one.post.name_en or str(one.post)), note=(one.role.name_zh, one.role.name_en))


def _who(request: HttpRequest, principal: Principal, form: AccessForm, context: dict[str, Any]) -> HttpResponseBase:
    code, division, action = (form.cleaned_data[one] for one in ("dataset", "division", "action"))
    rows = explain.who(code, action, division).filter(grant_services.touching("division", principal.duty_division))
    name = names.names_of([code]).get(code, (code, code))
    acts = rights_words.ACTIONS[action]
    title: Pair = (f"谁能{acts[0]}“{name[0]}”", f"Who may {acts[1]} “{name[1]}”")
    public = Dataset.objects.filter(code=code.partition(".")[0], is_public=True).exists()
    context |= {"subtabs": _by_action(request, action), "opened": public and action in scope.READING}
    return rendering.render(request, _listing(title, rows), template="permissions/who.html", **context)


def _by_action(request: HttpRequest, current: str) -> list[Tab]:
    """The same question for each action."""
    found = []
    for key, pair in rights_words.ACTIONS.items():
        asked = request.GET.copy()
        asked["action"] = key
        asked.pop("page", None)
        found.append(Tab(pair, "?" + asked.urlencode(), key == current))
    return found


def _listing(title: Pair, rows: QuerySet[RightSource]) -> Listing:
    named = names.with_names(rows, "branch", "division").select_related("user", "grant", "role", "post__organisation")
    return Listing(
        name="permissions.who",
        title=title,
        rows=named,
        columns=(
            Column("person", ("人员", "Person"), lambda one: Cell(one.user.name_zh, note=one.user.username),
                   kind="person", sort="user__name_zh"),
            Column("username", ("账号", "Account"), "user.username", sort="user__username", shown=False),
            Column("through", ("凭什么", "Through"), _source, sort="post"),
            Column("data", ("授予的数据", "Data granted"), lambda one: Cell(_data(one), note=one.branch), sort="branch"),
            Column("division", ("区划", "Division"), lambda one: Cell(_place(one), note=one.division), sort="division"),
            Column("masks", ("个人信息", "Personal data"), lambda one: rights_words.reveals_words(one.reveals), priority=2),
            Column("until", ("期限", "Until"), lambda one: rights_words.until_words(one.expires_at), sort="expires_at"),
            Column("reason", ("理由", "Reason"), "grant.reason", shown=False),
        ),
        filters=(
            Filter("dataset", ("数据", "Data"), apply=_applied),
            Filter("action", ("做什么", "Doing"), kind="choice", apply=_applied,
                   choices=[(key, zh, en) for key, (zh, en) in rights_words.ACTIONS.items()]),
            Filter("division", ("区划", "Division"), apply=_applied),
        ),
        search=("user__name_zh", "user__username__istartswith", "role__name_zh"),
        search_hint=("姓名、账号、角色", "Name, account, role"),
        order=("user__name_zh", "user_id"),
        empty=("没有人。", "Nobody."),
    )  # fmt: skip


def _applied(rows: QuerySet[RightSource], value: object) -> QuerySet[RightSource]:
    """The rows answer the question already; the filter keeps it in links and forms."""
    return rows


def _data(one: Any) -> Pair:
    return one.data_zh or names.WHOLE_CATALOGUE[0], one.data_en or names.WHOLE_CATALOGUE[1]


def _place(one: Any) -> Pair:
    return one.place_zh or rights_words.NATION[0], one.place_en or rights_words.NATION[1]
