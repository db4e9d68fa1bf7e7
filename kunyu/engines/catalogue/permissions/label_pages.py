"""Pages of labels: datasets by state, one dataset with its history, proposing, deciding one and many. 数据标记.

Security administrators see every dataset's label; people who answer for data (edit or approve) see those of their data
and propose. Whoever proposes does not decide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.models import Dataset, DatasetVersion
from kunyu.engines.catalogue.permissions import fields, suggestions
from kunyu.engines.catalogue.visible import visible as visible_to
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Event, Fact, Record, Tab
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.security import duties, label_registry, label_services, scope, zones
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import COUNT, Label, label_of_code
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.models import LabelState
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

HERE = "/admin/labels/"
MOST_AT_ONCE = 500
STATES = (("none", "未标记", "Not labelled"), ("proposed", "待审批", "Waiting"), ("approved", "已批准", "Approved"),
          ("rejected", "已退回", "Returned"))  # fmt: skip
STATE_WORDS: dict[str, Pair] = {
    **{key: (zh, en) for key, zh, en in STATES}, "replaced": ("已被取代", "replaced"),
}  # fmt: skip
View = Callable[..., HttpResponseBase]


def answers_for_data(principal: Principal) -> bool:
    """May the person deliver or approve anything?"""
    return bool(principal.branches(scope.EDIT) or principal.branches(scope.APPROVE))


def label_page(view: View) -> View:
    """For security administrators and people who answer for data; for everybody else it does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        principal: Principal = request.principal  # type: ignore[attr-defined]
        if not (duties.has(principal, duties.SECURITY) or answers_for_data(principal)):
            raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
        return view(request, *args, **kwargs)

    return login_needed(guarded)


def visible(principal: Principal) -> QuerySet[Dataset]:
    """All datasets for a security administrator; those that he answers for, for anybody else."""
    if duties.has(principal, duties.SECURITY):
        return Dataset.objects.all()
    # by value: a condition written for one table name cannot stand inside another query
    return Dataset.objects.filter(
        code__in=list(visible_to(principal, scope.EDIT, scope.APPROVE).values_list("code", flat=True))
    )


def _newest(state: str, value: Any) -> Subquery:
    rows = LabelRow.objects.filter(collection=OuterRef("code"), state=state).order_by("-id")
    return Subquery(rows.annotate(code_of=F("secrecy") * 9 + F("grading") * 3 + F("sharing")).values(value)[:1])


def with_labels(rows: QuerySet[Dataset]) -> QuerySet[Any]:
    """Annotate the label in force, the proposal waiting and the state."""
    return rows.annotate(
        approved=_newest("approved", "code_of"), proposed=_newest("proposed", "code_of"),
        rejected=_newest("rejected", "id"), reason_in_force=_newest("approved", "reason"),
        proposed_reason=_newest("proposed", "reason"), proposer=_newest("proposed", "proposed_by"),
        decider=_newest("approved", "decided_by"), proposal=_newest("proposed", "id"),
    ).annotate(
        label_state=Case(
            When(proposed__isnull=False, then=Value("proposed")), When(approved__isnull=False, then=Value("approved")),
            When(rejected__isnull=False, then=Value("rejected")), default=Value("none"), output_field=CharField(),
        )
    )  # fmt: skip


def badge(label: Label) -> Badge:
    """A label as a mark: state secrets stand out, 敏感 and 重要 are quieter."""
    tone: Any = "plain"
    if label.is_state_secret:
        tone = "danger"
    elif label.secrecy == 2 or label.grading:
        tone = "warn"
    return Badge((label.name_zh, label.name_en), tone)


def _in_force(one: Any) -> object:
    return Cell(badge(label_of_code(one.approved)), note=one.reason_in_force) if one.approved is not None else ""


def _waiting(one: Any) -> object:
    if one.proposed is None:
        return ""
    return Cell(badge(label_of_code(one.proposed)), note=f"{one.proposer}：{one.proposed_reason}")


def _admitted(rows: QuerySet[Dataset], _: object) -> QuerySet[Dataset]:
    """Datasets whose label (in force, else proposed) this zone may not hold."""
    held = zones.current_zone().labels
    outside = [code for code in range(54) if not held >> code & 1]
    return rows.filter(Q(approved__in=outside) | Q(approved=None, proposed__in=outside))


def address(code: str) -> str:
    return f"{HERE}{code}/"


def _tabs(principal: Principal) -> list[Tab]:
    return sections.tabs(principal, HERE)


def listing(principal: Principal) -> Listing:
    decides = duties.has(principal, duties.SECURITY)
    act = (Action(("成批审批", "Decide many"), f"{HERE}decide", "primary"),) if decides else ()
    return Listing(
        name="permissions.labels",
        title=("数据标记", "Labels"),
        lead=("没有批准的标记，数据不能发布。提出和批准是两个人。",
              "Nothing is published without an approved label; one person proposes, another approves."),
        rows=with_labels(visible(principal)),
        columns=(
            Column("name", ("数据集", "Dataset"), lambda one: Cell((one.name_zh, one.name_en), note=one.code), sort="name_zh"),
            Column("code", ("代码", "Code"), kind="code", sort="code", shown=False),
            Column("state", ("状态", "State"), _state, sort="label_state"),
            Column("approved", ("现行标记", "In force"), _in_force, sort="approved"),
            Column("proposed", ("待审批", "Waiting"), _waiting, sort="proposed"),
            Column("decider", ("批准人", "Approved by"), "decider", sort="decider", priority=3),
            Column("level", ("目录分级", "Catalogue"), "classification", priority=3, shown=False),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=STATES, apply="label_state"),
            Filter("outside", ("不能存放在本网络", "Not for this zone"), kind="bool", apply=_admitted),  # type: ignore[arg-type]
        ),
        search=("code__startswith", "name_zh", "name_en", "proposed_reason", "reason_in_force"),
        search_hint=("名称、代码、理由", "Name, code, reason"),
        order=("position", "code"),
        href=lambda one: address(one.code),
        actions=act,
        empty=("没有您负责的数据集。", "There is no dataset you answer for."),
    )  # fmt: skip


def _state(one: Any) -> Badge:
    tone: Any = {"none": "warn", "proposed": "accent", "approved": "plain", "rejected": "warn"}[one.label_state]
    return Badge(STATE_WORDS[one.label_state], tone)


@label_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=_tabs(principal))


def find(principal: Principal, code: str) -> Dataset:
    """The dataset, if the person may know of its label; UnknownDataset otherwise."""
    found = Dataset.objects.filter(code=code).first()
    knows = duties.has(principal, duties.SECURITY) or (
        found is not None and (scope.may(principal, code, scope.EDIT) or scope.may(principal, code, scope.APPROVE))
    )
    if found is None or not knows:
        raise UnknownDataset(
            f"目录中没有 {code}，或者您无权查看。", f"The catalogue has no {code}, or you may not see it."
        )
    return found


@label_page
def record(request: HttpRequest, code: str) -> HttpResponse:
    """One dataset: label in force, proposal, what stands here, advice, history."""
    principal = request.principal  # type: ignore[attr-defined]
    dataset = find(principal, code)
    rows = label_services.history(code)
    waiting = next((row for row in rows if row.state == LabelState.PROPOSED), None)
    in_force = label_registry.approved_label(code)
    decides = duties.has(principal, duties.SECURITY)
    proposes = scope.may(principal, code, scope.EDIT) or scope.may(principal, code, scope.APPROVE)
    actions = (Action(("提出标记", "Propose"), f"{address(code)}propose", "primary"),) if proposes else ()
    found = Record(
        title=(dataset.name_zh, dataset.name_en),
        crumbs=(Crumb(("数据标记", "Labels"), HERE), Crumb((dataset.name_zh, dataset.name_en))),
        facts=(
            Fact(("代码", "Code"), dataset.code, "code"),
            Fact(("现行标记", "In force"), badge(in_force) if in_force else Badge(("未标记，不能发布", "none: not published"), "warn")),
            Fact(("目录分级", "Catalogue"), dataset.classification),
            Fact(("生产单位", "Producer"), dataset.producer_zh),
            Fact(("本节点已有数据", "Published here"), _published(dataset), "count"),
            Fact(("本网络分区", "This zone"), _zone_words(label_services.expected_label(code))),
        ),
        history=tuple(_event(row) for row in rows),
        actions=actions,
    )  # fmt: skip
    return render(request, "permissions/label.html", {
        "record": found, "waiting": waiting, "waiting_label": label_services.label_of_row(waiting) if waiting else None,
        "in_force": in_force, "decides": decides, "own": waiting is not None and waiting.proposed_by == principal.name,
        "suggestions": suggestions.of(dataset), "form": DecisionForm(), "once": once.new_token(request),
        "dataset_code": code,
    })  # fmt: skip


def _published(dataset: Dataset) -> int:
    return DatasetVersion.objects.filter(layer__dataset=dataset, status=DatasetVersion.Status.PUBLISHED).count()


def _zone_words(label: Label | None) -> Pair:
    zone = zones.current_zone()
    if label is None or zone.holds(label):
        return f"{zone.name_zh}，可以存放", f"{zone.name_en}: may stand here"
    return f"{zone.name_zh}，不能存放", f"{zone.name_en}: may not stand here"


def _event(row: LabelRow) -> Event:
    label = label_services.label_of_row(row)
    at = row.decided_at or row.proposed_at
    zh, en = STATE_WORDS[row.state]
    basis = f"；定密依据：{row.basis}" if row.basis else ""
    decision = f"；审批意见：{row.decision_reason}" if row.decision_reason else ""
    return Event(
        timezone.localtime(at), row.decided_by or row.proposed_by, (f"{label.name_zh}：{zh}", f"{label.name_en}: {en}"),
        f"{row.proposed_by} 提出：{row.reason}{basis}{decision}",
    )  # fmt: skip


class ProposalForm(PageForm):
    """Three axes, the reason, for state secrets the basis and the term."""

    reason = django_forms.CharField(
        label=both("理由", "Reason"), max_length=500, widget=django_forms.Textarea(attrs={"rows": 3})
    )
    basis = django_forms.CharField(
        label=both("定密依据", "Basis of secrecy"), max_length=300, required=False,
        help_text=both("密级为秘密及以上时必填：保密事项范围的条目。", "Needed for state secrets: the item of the list."),
    )  # fmt: skip
    secret_until = django_forms.DateField(
        label=both("保密期限", "Secret until"), required=False,
        widget=django_forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

    def __init__(self, label: Label | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = [self.fields.pop(name) for name in ("reason", "basis", "secret_until")]
        fields.add_axes(self, ("", ""), label)
        self.fields |= dict(zip(("reason", "basis", "secret_until"), last, strict=True))


class DecisionForm(PageForm):
    reason = django_forms.CharField(
        label=both("审批意见（退回时必填）", "Remark (needed to return)"), max_length=500, required=False,
        widget=django_forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


@label_page
def propose(request: HttpRequest, code: str) -> HttpResponse:
    """Propose a label; ``?label=N`` fills in a suggestion, which stays a suggestion until sent with a reason."""
    principal = request.principal  # type: ignore[attr-defined]
    dataset = find(principal, code)
    label_services.require_answers_for(principal, code)
    offered = request.GET.get("label", "")
    fits = offered.isascii() and offered.isdigit() and len(offered) < 3 and int(offered) < COUNT
    start = label_of_code(int(offered)) if fits else None
    form = ProposalForm(start or label_registry.label_of(code), request.POST or None)

    def done(values: dict[str, Any]) -> str:
        label_services.propose(
            Proposal(code, fields.label_of(values), values["reason"], values["basis"], values["secret_until"]),
            principal,
        )
        messages.success(request, pick(("已提出，待安全管理员审批。", "Proposed; a security administrator decides.")))
        return address(code)

    return forms.handle(
        request, form, done, (f"提出标记：{dataset.name_zh}", f"Propose a label: {dataset.name_en}"), ("提出", "Propose"),
        back=address(code), template="permissions/label_propose.html", suggestions=suggestions.of(dataset), code=code,
    )  # fmt: skip


@label_page
def decide(request: HttpRequest, code: str) -> HttpResponseBase:
    """Approve or return the proposal that waits for one dataset."""
    principal = request.principal  # type: ignore[attr-defined]
    find(principal, code)
    duties.require(principal, duties.SECURITY)
    return _decided(request, principal, _numbers(request.POST.getlist("label")), address(code))


def _numbers(texts: list[str]) -> list[int]:
    return [int(one) for one in texts[:MOST_AT_ONCE] if one.isascii() and one.isdigit() and len(one) < 18]


def _decided(request: HttpRequest, principal: Principal, chosen: list[int], back: str) -> HttpResponseBase:
    approve, reason = request.POST.get("decision") == "approve", request.POST.get("reason", "")[:500]

    def act() -> str:
        for number in chosen:
            if approve:
                label_services.approve(number, principal, reason)
            else:
                label_services.reject(number, principal, reason)
        zh, en = ("已批准", "approved") if approve else ("已退回", "returned")
        messages.success(request, pick((f"{zh} {len(chosen)} 项标记。", f"{len(chosen)} labels {en}.")))
        return back

    try:
        return once.submit_once(request, act)
    except KunyuError as error:
        if error.http_status not in (403, *forms.AT_THE_FORM):
            raise
        messages.error(request, pick((error.detail_zh, error.detail_en)), extra_tags="danger")
        return many(request, status=error.http_status) if back == f"{HERE}decide" else _again(request, back, error)


def _again(request: HttpRequest, back: str, error: KunyuError) -> HttpResponse:
    answer = record(request, back.removeprefix(HERE).rstrip("/"))
    answer.status_code = error.http_status
    return answer  # type: ignore[return-value]


@label_page
def many(request: HttpRequest, status: int | None = None) -> HttpResponseBase:
    """Proposals that wait, to be chosen and decided with one remark. State secrets are decided one by one."""
    principal = request.principal  # type: ignore[attr-defined]
    duties.require(principal, duties.SECURITY)
    if request.method == "POST" and status is None:
        chosen = _numbers(request.POST.getlist("label"))
        if chosen:
            secret = LabelRow.objects.filter(pk__in=chosen, secrecy__gte=3).first()
            if secret is None or request.POST.get("decision") != "approve":
                return _decided(request, principal, chosen, f"{HERE}decide")
            messages.error(request, pick((
                f"{secret.collection} 拟定为国家秘密，请打开后逐项审批。",
                f"{secret.collection} would become a state secret: open and decide it by itself.",
            )), extra_tags="danger")  # fmt: skip
        else:
            messages.error(request, pick(("请先勾选要审批的数据集。", "Choose datasets first.")), extra_tags="danger")
        status = 422
    answer = rendering.render(
        request, _deciding(principal), template="permissions/label_decide.html", form=DecisionForm(),
        once=once.new_token(request), tabs=_tabs(principal),
    )  # fmt: skip
    answer.status_code = status or answer.status_code
    return answer


def _deciding(principal: Principal) -> Listing:
    rows = with_labels(visible(principal)).filter(proposed__isnull=False).exclude(proposer=principal.name)
    return Listing(
        name="permissions.label_decisions",
        title=("成批审批标记", "Decide labels"),
        lead=("勾选后一次批准或退回；国家秘密逐项审批。", "Choose, then approve or return at once; state secrets one by one."),
        rows=rows,
        columns=(
            Column("choose", ("选", "Choose"), _box),
            Column("name", ("数据集", "Dataset"), lambda one: Cell((one.name_zh, one.name_en), address(one.code), note=one.code),
                   sort="name_zh"),
            Column("now", ("现行标记", "In force"), _in_force, sort="approved"),
            Column("proposed", ("拟定", "Proposed"), lambda one: badge(label_of_code(one.proposed)), sort="proposed"),
            Column("reason", ("理由", "Reason"), "proposed_reason"),
            Column("proposer", ("提出人", "Proposed by"), "proposer", sort="proposer"),
        ),
        search=("code__startswith", "name_zh", "proposed_reason", "proposer"),
        order=("position", "code"),
        exports=(),
        per_page=200,
        empty=("没有待您审批的标记。", "No label waits for you."),
    )  # fmt: skip


def _box(one: Any) -> object:
    secret = one.proposed is not None and label_of_code(one.proposed).is_state_secret
    if secret:
        return Badge(("逐项", "singly"), "danger")
    said = pick((f"选择 {one.name_zh}", f"Choose {one.name_en or one.name_zh}"))
    return format_html('<input class="form-check-input" type="checkbox" form="decide" name="label" value="{}" '
                       'aria-label="{}">', one.proposal, said)  # fmt: skip
