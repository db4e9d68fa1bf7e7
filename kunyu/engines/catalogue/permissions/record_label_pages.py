"""Pages of record labels: proposed by keys or by the value of a field, decided, applied to the rows. 要素级标记."""

from __future__ import annotations

import re
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.db import connection
from django.db.models import CharField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from kunyu.engines.catalogue import record_labels
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.permissions import fields
from kunyu.engines.catalogue.permissions.label_pages import DecisionForm, answers_for_data, badge, label_page
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.catalogue.record_labels import MOST_KEYS, RecordProposal
from kunyu.engines.catalogue.tables import qualified, standard_layer
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.security import duties, scope
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.errors import FieldMasked
from kunyu.engines.security.label_errors import UnknownProposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import LabelState, RecordLabel
from kunyu.engines.security.scope import Principal, Scope
from kunyu.kernel.errors import KunyuError, UsageError

HERE = "/admin/record-labels/"
KEYS_SHOWN = 200
STATES = (("proposed", "待审批", "Waiting"), ("approved", "已批准", "Approved"), ("rejected", "已退回", "Returned"))
_WORDS: dict[str, Pair] = {key: (zh, en) for key, zh, en in STATES} | {"replaced": ("已被取代", "replaced")}
_TONES: dict[str, Any] = {"proposed": "accent", "approved": "plain", "rejected": "warn", "replaced": "plain"}


def visible(principal: Principal) -> QuerySet[RecordLabel]:
    """Those of the administrator's divisions; for others those of layers and counties they answer for."""
    if duties.has(principal, duties.SECURITY):
        return RecordLabel.objects.filter(county__startswith=principal.duty_division)
    pairs = RecordLabel.objects.values_list("collection", "county").distinct()
    mine = RecordLabel.objects.none()
    for collection, county in pairs:
        granted = _answers(principal, collection)
        if granted is not None and granted.allows_division(county):
            mine |= RecordLabel.objects.filter(collection=collection, county=county)
    return mine


def _answers(principal: Principal, collection: str) -> Scope | None:
    """The scope in which the person delivers or approves a layer; None for neither."""
    for action in (scope.EDIT, scope.APPROVE):
        if scope.may(principal, collection, action):
            return scope.resolve(principal, collection, action)
    return None


def _label(one: RecordLabel) -> Label:
    return Label(one.secrecy, one.grading, one.sharing)


def listing(principal: Principal) -> Listing:
    named = Layer.objects.filter(collection=OuterRef("collection"))
    rows = visible(principal).annotate(
        layer_zh=Coalesce(Subquery(named.values("name_zh")[:1]), F("collection"), output_field=CharField()),
        layer_en=Coalesce(Subquery(named.values("name_en")[:1]), F("collection"), output_field=CharField()),
    )
    new = (Action(("提出要素标记", "Propose"), f"{HERE}new", "primary"),) if answers_for_data(principal) else ()
    return Listing(
        name="permissions.record_labels",
        title=("要素标记", "Record labels"),
        lead=("个别要素比数据集更严的标记，例如军事用地图斑；随新版本自动保留。",
              "Single records stricter than their dataset, such as military land; kept through later versions."),
        rows=rows,
        columns=(
            Column("layer", ("图层", "Layer"), lambda one: Cell((one.layer_zh, one.layer_en), note=one.collection), sort="collection"),
            Column("county", ("县区", "County"), kind="code", sort="county"),
            Column("keys", ("要素数", "Records"), lambda one: len(one.keys), kind="count"),
            Column("label", ("标记", "Label"), lambda one: badge(_label(one))),
            Column("state", ("状态", "State"), lambda one: Badge(_WORDS[one.state], _TONES[one.state]), sort="state"),
            Column("applied", ("已标记行", "Rows marked"), "applied", kind="count", sort="applied", priority=2),
            Column("reason", ("理由", "Reason"), "reason", priority=2),
            Column("proposer", ("提出人", "Proposed by"), "proposed_by", sort="proposed_by", priority=3),
            Column("at", ("提出时间", "Proposed"), "proposed_at", kind="time", sort="proposed_at", priority=3),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=STATES),
            Filter("collection", ("图层代码", "Layer code"), apply="collection__startswith"),
            Filter("county", ("县区代码", "County code"), apply="county__startswith"),
        ),
        search=("reason", "collection__startswith", "proposed_by"),
        order=("-proposed_at", "-pk"),
        href=lambda one: f"{HERE}{one.pk}/",
        actions=new,
        empty=("没有要素标记。由数据负责人按标识码或字段值提出，安全管理员审批。",
               "No record labels. Who answers for the data proposes them; a security administrator decides."),
    )  # fmt: skip


@label_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=sections.tabs(principal, HERE))


class RecordLabelForm(PageForm):
    """A layer in a county; keys, or a field with its values; the label and the reason."""

    layer = django_forms.ChoiceField(label=both("图层", "Layer"))
    county = django_forms.RegexField(
        r"^[0-9]{6}$",
        label=both("县区代码", "County code"),
        widget=django_forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    keys = django_forms.CharField(
        label=both("标识码（BSM）", "Keys (BSM)"), required=False, widget=django_forms.Textarea(attrs={"rows": 4}),
        help_text=both(f"每行或用逗号隔开，最多 {MOST_KEYS} 个；或者用下面的条件。", f"One a line, at most {MOST_KEYS}; or the condition below."),
    )  # fmt: skip
    field = django_forms.CharField(
        label=both("字段", "Field"), required=False, max_length=40,
        help_text=both("例如 DLBM：取该字段等于所列值的全部现行要素。", "Such as DLBM: every present record with one of the values."),
    )  # fmt: skip
    values = django_forms.CharField(label=both("等于", "Equals"), required=False, max_length=500)
    reason = django_forms.CharField(
        label=both("理由", "Reason"), max_length=500, widget=django_forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        layers = [
            one for one in Layer.objects.order_by("collection") if _answers(principal, one.collection) is not None
        ]
        self.fields["layer"].choices = [  # type: ignore[attr-defined]
            (one.collection, f"{pick((one.name_zh, one.name_en))} {one.collection}") for one in layers
        ]
        reason = self.fields.pop("reason")
        fields.add_axes(self, ("", ""), Label(2, 1, 2))
        self.fields["reason"] = reason


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in re.split(r"[\s,，;；、]+", text) if one))


def keys_where(
    principal: Principal, collection: str, county: str, field: str, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Keys of present records of the county whose ``field`` is one of ``values``, at most one more than may be labelled.

    Raises
    ------
    UsageError
        The layer has no such field.
    FieldMasked
        The person sees the field masked: asking by it would tell what is hidden.
    SignInNeeded, NotVisible, NotAllowed
    """
    layer = Layer.objects.get(collection=collection)
    model = standard_layer(layer)
    named = {one.code: one for one in model.fields}
    if field not in named:
        raise UsageError(f"{layer.code} 没有字段 {field}。", f"{layer.code} has no field {field}.", field="field")
    action = scope.EDIT if scope.may(principal, collection, scope.EDIT) else scope.APPROVE
    scope.require_division(scope.resolve(principal, collection, action), county)
    granted = scope.resolve(principal, collection, scope.QUERY)
    if named[field].personal and not granted.reveals(named[field].personal):
        raise FieldMasked(f"字段 {field} 已脱敏，不能按它选取。", f"Field {field} is masked; choose by another.")
    where, bound = granted.predicate()
    statement = (
        f'SELECT DISTINCT "{model.key}" FROM {qualified(layer.table_name)} WHERE county = %s AND upper_inf(known) '
        f'AND "{field}"::text = ANY(%s::text[]) AND {where} LIMIT %s'
    )
    with as_reader(granted), connection.cursor() as cursor:
        cursor.execute(statement, [county, list(values), *bound, MOST_KEYS + 1])
        return tuple(sorted(row[0] for row in cursor.fetchall()))


@label_page
def new(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    form = RecordLabelForm(principal, request.POST or None)

    def done(given: dict[str, Any]) -> str:
        keys = _words(given["keys"])
        if given["field"]:
            values = _words(given["values"])
            keys += keys_where(principal, given["layer"], given["county"], given["field"].strip().upper(), values)
        row = record_labels.propose(
            RecordProposal(given["layer"], given["county"], keys, fields.label_of(given), given["reason"]), principal
        )
        messages.success(
            request, pick((f"已为 {len(row.keys)} 个要素提出标记，待审批。", f"Proposed for {len(row.keys)} records."))
        )
        return f"{HERE}{row.pk}/"

    return forms.handle(
        request, form, done, ("提出要素标记", "Propose a record label"), ("提出", "Propose"), back=HERE,
        lead=("要素的标记与数据集的标记取严者。", "A record bears the stricter of its own label and its dataset's."),
    )  # fmt: skip


@label_page
def record(request: HttpRequest, number: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    one = _find(principal, number)
    layer = Layer.objects.filter(collection=one.collection).first()
    label = _label(one)
    found = Record(
        title=(f"要素标记 {one.pk}", f"Record label {one.pk}"),
        crumbs=(Crumb(("要素标记", "Record labels"), HERE), Crumb(str(one.pk))),
        facts=(
            Fact(("图层", "Layer"), (layer.name_zh, layer.name_en) if layer else one.collection),
            Fact(("县区", "County"), one.county, "code"),
            Fact(("标记", "Label"), badge(label)),
            Fact(("状态", "State"), Badge(_WORDS[one.state], _TONES[one.state])),
            Fact(("要素数", "Records"), len(one.keys), "count"),
            Fact(("已标记行", "Rows marked"), one.applied, "count"),
            Fact(("理由", "Reason"), one.reason),
        ),
        history=_history(one),
    )  # fmt: skip
    waits = one.state == LabelState.PROPOSED
    return render(request, "permissions/record_label.html", {
        "record": found, "keys": one.keys[:KEYS_SHOWN], "more": max(0, len(one.keys) - KEYS_SHOWN), "number": one.pk,
        "waits": waits, "decides": duties.has(principal, duties.SECURITY), "own": one.proposed_by == principal.name,
        "form": DecisionForm(), "once": once.new_token(request),
    })  # fmt: skip


def _history(one: RecordLabel) -> tuple[Event, ...]:
    events = [Event(timezone.localtime(one.proposed_at), one.proposed_by, ("提出", "proposed"), one.reason)]
    if one.decided_at:
        events.append(Event(timezone.localtime(one.decided_at), one.decided_by, _WORDS[one.state], one.decision_reason))
    return tuple(events)


def _find(principal: Principal, number: int) -> RecordLabel:
    found = visible(principal).filter(pk=number).first()
    if found is None:
        raise UnknownProposal(f"没有要素标记 {number}，或者您无权查看。", f"There is no record label {number} for you.")
    return found


@label_page
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Approve or return; a refusal is told on the record's page."""
    principal = request.principal  # type: ignore[attr-defined]
    duties.require(principal, duties.SECURITY)
    _find(principal, number)
    reason = request.POST.get("reason", "")[:500]

    def act() -> str:
        if request.POST.get("decision") == "approve":
            row = record_labels.approve(number, principal, reason)
            messages.success(request, pick((f"已标记 {row.applied} 行，立即生效。", f"{row.applied} rows marked.")))
        else:
            record_labels.reject(number, principal, reason)
            messages.success(request, pick(("已退回。", "Returned.")))
        return f"{HERE}{number}/"

    try:
        return once.submit_once(request, act)
    except KunyuError as error:
        if error.http_status not in (403, *forms.AT_THE_FORM):
            raise
        messages.error(request, pick((error.detail_zh, error.detail_en)), extra_tags="danger")
        answer = record(request, number)
        answer.status_code = error.http_status
        return answer  # type: ignore[return-value]
