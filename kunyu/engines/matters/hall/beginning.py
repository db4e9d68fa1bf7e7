"""``/hall/apply``: which matters, in which division; then the wizard. 发起申报 (一网申报, R-304).

The page names its application: a second click, or the page sent again, finds the one already open. The name goes over
what was chosen, so that somebody who goes back and chooses otherwise gets another application.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kunyu.engines.matters.cases.applying import begin
from kunyu.engines.matters.cases.ready import applied_for
from kunyu.engines.matters.definitions.editions import definition_of, edition_in_use, is_of_this_zone
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.errors import BadMatter
from kunyu.engines.matters.hall import divisions, steps
from kunyu.engines.matters.hall.wizard import matter_name, principal_of
from kunyu.engines.matters.models import Application, Matter
from kunyu.engines.pages.words import Pair
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import KunyuError

_DRAFTS_SHOWN = 3
_KEY_LETTERS = 64
_AT_THE_FORM = (400, 404, 409, 422)


@dataclass
class Chosen:
    """What the page shows as chosen, and what is wrong with it by part (``matters``, ``division``, '' for neither)."""

    matters: list[str]
    division: str
    key: str
    faults: dict[str, Pair] = field(default_factory=dict)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_needed
def apply(request: HttpRequest) -> HttpResponse:
    """Choose matters and division; POST begins the application and opens its first step."""
    principal = principal_of(request)
    if request.method != "POST":
        chosen = Chosen(
            request.GET.getlist("matter"), _first_division(principal, request.GET), secrets.token_urlsafe(24)
        )
        return _page(request, chosen)
    chosen = _read(request.POST)
    if "show" in request.POST:  # without scripts: the next list of divisions
        return _page(request, chosen)
    _judge(chosen)
    if chosen.faults:
        return _page(request, chosen, 422)
    try:
        _require_one_form(chosen)
        made = begin(principal, chosen.matters, chosen.division, _key(chosen))
    except KunyuError as error:
        if error.http_status not in _AT_THE_FORM:
            raise
        chosen.faults[""] = (error.detail_zh, error.detail_en)
        return _page(request, chosen, error.http_status)
    return redirect(steps.home(made))


def _read(data: QueryDict) -> Chosen:
    return Chosen(data.getlist("matter"), divisions.read(data), data.get("key", "")[:_KEY_LETTERS])


def _judge(chosen: Chosen) -> None:
    if not chosen.matters:
        chosen.faults["matters"] = ("请至少选择一个事项。", "Choose at least one matter.")
    if not divisions.is_county(chosen.division) or not divisions.exists(chosen.division):
        chosen.faults["division"] = ("请选择到县（市、区）。", "Choose down to the county.")
    if not chosen.key:
        chosen.faults[""] = (
            "页面已过期，请核对后再点一次“开始填报”。",
            "The page is too old: check it and press the button again.",
        )
        chosen.key = secrets.token_urlsafe(24)


def _key(chosen: Chosen) -> str:
    named = [chosen.key, sorted(chosen.matters), chosen.division]
    return sm3_hex(canonical_json(named))


def _require_one_form(chosen: Chosen) -> None:
    """Refuse matters whose forms contradict each other before anything is begun. Raises UnknownMatter, WrongStep."""
    wanted = [definition_of(one) for one in applied_for(chosen.matters, chosen.division)]
    try:
        fields_of(wanted)
    except BadMatter as error:
        names_zh = "、".join(f"“{one.name_zh}”" for one in wanted)
        raise BadMatter(
            f"{names_zh}的表单互相矛盾，不能一起申报，请分开申请。",
            "The forms of these matters contradict each other: apply for them one by one.",
        ) from error


def _first_division(principal: Principal, data: QueryDict) -> str:
    """The division of the address, of the person's last application, or of the account, where it is a county."""
    given = data.get("division", "")
    if given.isdigit() and divisions.exists(given):
        return given
    last = Application.objects.filter(applicant_id=principal.user_id).order_by("-pk").first()
    if last is not None:
        return last.division_code
    return User.objects.filter(pk=principal.user_id or 0).values_list("division_code", flat=True).first() or ""


# -- the page -----------------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, chosen: Chosen, status: int = 200) -> HttpResponse:
    lists = divisions.chooser(chosen.division)
    offered = _offered(chosen)
    return render(request, "matters/hall/apply.html", {
        "offered": offered, "chooser": lists, "key": chosen.key, "faults": chosen.faults,
        "needs_more": not divisions.is_county(lists.code),
        "drafts": _drafts(principal_of(request)), "unknown": _not_offered(chosen, offered),
    }, status=status)  # fmt: skip


def _offered(chosen: Chosen) -> list[dict[str, Any]]:
    """Matters that are open here and on this node's network, with what the person should know before choosing."""
    found = []
    for matter in Matter.objects.filter(is_open=True).order_by("code"):
        definition = _definition(matter.code, chosen.division)
        if definition is not None:
            found.append({
                "code": matter.code, "name": matter_name(definition), "is_chosen": matter.code in chosen.matters,
                "days": definition.promised_days or definition.statutory_days, "needs": _needs(definition),
            })  # fmt: skip
    return found


def _definition(code: str, division: str) -> Definition | None:
    try:
        definition = definition_of(edition_in_use(code, division))
    except KunyuError:  # withdrawn while it is still named in the catalogue: not offered
        return None
    return definition if is_of_this_zone(definition) else None


def _needs(one: Definition) -> Pair:
    """What to have at hand."""
    required = sum(kind.is_required for kind in one.materials)
    parts = [
        (one.needs_project, "投资项目代码", "the project's code"),
        (one.needs_plot, "用地范围", "the plot"),
        (required > 0, f"{required} 项必交材料", f"{required} materials"),
    ]
    return "、".join(zh for is_one, zh, _ in parts if is_one), ", ".join(en for is_one, _, en in parts if is_one)


def _not_offered(chosen: Chosen, offered: list[dict[str, Any]]) -> list[Pair]:
    """Matters asked for that cannot be applied for here, by name."""
    missing = [code for code in chosen.matters if code not in {one["code"] for one in offered}]
    names = {one.code: one for one in Matter.objects.filter(code__in=missing[:20])}
    return [
        (names[code].name_zh, names[code].name_en or code) if code in names else (code[:40], code[:40])
        for code in missing[:20]
    ]


def _drafts(principal: Principal) -> list[Application]:
    rows = Application.objects.filter(applicant_id=principal.user_id, state=Application.State.DRAFT)
    return list(rows.order_by("-changed_at")[:_DRAFTS_SHOWN])
