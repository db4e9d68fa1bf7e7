"""From the decision to the sealed licence, however often it is interrupted. 制证.

Called by the outbox after every decision and by a job for those a crash left over. The licence bears the case as its
key, so issuing it again is issuing the same one; the case closes in a transaction of its own afterwards.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from kunyu.engines.documents import templates
from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.licences import Holder, Issuer, IssueRequest, issue
from kunyu.engines.documents.models import Document, Seal
from kunyu.engines.matters.cases import machine, people, routing
from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.cases.changing import begun, recorded
from kunyu.engines.matters.cases.stages import close_when_over
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.errors import BadMatter
from kunyu.engines.matters.models import Case, Decision
from kunyu.engines.security.scope import Principal

logger = logging.getLogger(__name__)
GRACE = timedelta(minutes=2)
"""The repair job leaves younger decisions to the outbox."""


def seal_decision(case_id: int) -> Case:
    """Make what a decision calls for (licence, letter of refusal), seal it, and close the case; idempotent.

    Raises
    ------
    SealUnusable
        No seal of the office is in use: the case stays decided, and the same call finishes it later.
    """
    case = _case(case_id)
    decision = Decision.objects.get(case=case)
    if decision.sealed_at is not None:
        return case
    who = people.person_named(decision.decided_by) or people.system()
    number = made_of(who, case, decision)
    return _sealed(who, case_id, number)


def made_of(who: Principal, case: Case, decision: Decision) -> str:
    """Issue the licence, or make the letter of refusal; answers with the licence's number."""
    definition = routing.definition(case)
    if decision.outcome == Decision.Outcome.GRANT and definition.licence_kind:
        return issue(who, licence_request(case, decision, definition)).number
    if decision.outcome == Decision.Outcome.REFUSE and definition.templates.get("refusal"):
        _letter(who, case, decision, definition)
    return ""


@transaction.atomic
def _sealed(who: Principal, case_id: int, number: str) -> Case:
    change = begun(who, case_id, hidden=False)
    case = change.case
    decision = Decision.objects.select_for_update().get(case=case)
    if decision.sealed_at is not None:
        return case
    machine.require(case, "seal")
    decision.sealed_at = change.now
    decision.save(update_fields=["sealed_at"])
    case.licence_number = number
    recorded(change, "sealed", outcome=decision.outcome, licence=number)
    close_when_over(change)
    return case


def repair_decisions(older_than: timedelta = GRACE) -> int:
    """Seal every decision that was left over; returns how many were finished. Failures are logged and come again."""
    left = Decision.objects.filter(sealed_at=None, decided_at__lt=timezone.now() - older_than)
    done = 0
    for case_id in left.order_by("pk").values_list("case_id", flat=True):
        try:
            seal_decision(case_id)
            done += 1
        except Exception:
            logger.exception("decision of case %s could not be sealed", case_id)
    return done


# -- what stands on it ------------------------------------------------------------------------------------------------


def licence_request(case: Case, decision: Decision, definition: Definition, key: str = "") -> IssueRequest:
    """What is issued for a granted case."""
    seal = seal_of(case)
    application = case.application
    return IssueRequest(
        key=key or f"case:{case.number}:licence",
        kind=definition.licence_kind,
        type_code="",
        issuer=_issuer(case, seal),
        holder=Holder(application.applicant_name, application.applicant_kind, application.applicant_code),
        division=case.county,
        project_code=case.project_code,
        subject=f"case:{case.number}",
        facts=public_facts(case, definition),
        number_scheme=definition.number_scheme,
        valid_to=_valid_to(timezone.localtime(decision.decided_at).date(), definition.licence_valid_years),
        template=template_path(case, "licence"),
        seal=seal,
        branch=case.branch,
        label=case.label,
        plot=plot_of(case.application_id),
        title_zh=definition.result_zh or case.matter.name_zh,
        filled_with=filling(case, decision, definition),
    )


def filling(case: Case, decision: Decision, definition: Definition) -> dict[str, Any]:
    """Values for the templates of a matter: case, decision, answers of the form with their titles."""
    form = case.application.form
    titled = [[one.title_zh, form[one.name]] for one in fields_of(definition) if form.get(one.name) not in (None, "")]
    return {
        "case": {"number": case.number, "submitted_on": _day(case.submitted_at), "accepted_on": _day(case.accepted_at),
                 "decided_on": _day(decision.decided_at), "division": case.division_code},
        "matter": {"code": case.matter.code, "name_zh": case.matter.name_zh},
        "applicant": {"name": case.applicant_name, "code": case.application.applicant_code_masked},
        "project": {"code": case.project_code, "name": case.project_name},
        "area_m2": round(case.plot_area_m2, 2) if case.plot_area_m2 is not None else None,
        "area_ha": round(case.plot_area_m2 / 10_000, 4) if case.plot_area_m2 is not None else None,
        "decision": {"outcome": decision.outcome, "reason": decision.reason, "basis": list(decision.basis),
                     "decided_by": decision.decided_by_zh},
        "form": form,
        "form_list": titled,
    }  # fmt: skip


def public_facts(case: Case, definition: Definition) -> dict[str, Any]:
    """What stands on the licence and is shown to whoever verifies it.

    Besides project, size and case only the answers that the matter names in ``extra.licence_fields``: forms hold telephone
    numbers and names that are nobody's business.
    """
    facts: dict[str, Any] = {"办件编号": case.number}
    if case.project_name:
        facts["项目名称"] = case.project_name
    if case.plot_area_m2 is not None:
        facts["用地面积（公顷）"] = round(case.plot_area_m2 / 10_000, 4)
    named = definition.extra.get("licence_fields", ())
    titles = {one.name: one.title_zh for one in fields_of(definition)}
    form = case.application.form
    return facts | {titles[name]: form[name] for name in named if name in titles and form.get(name) not in (None, "")}


def seal_of(case: Case) -> Seal:
    """The seal in use of the office that decides: of the lowest level of administration that has one. Raises SealUnusable."""
    now = timezone.now()
    prefixes = [case.county[:length] for length in (6, 4, 2)]
    usable = Seal.objects.select_related("organisation").filter(
        division_code__in=prefixes, state=Seal.State.ACTIVE, valid_from__lte=now, valid_to__gt=now
    )
    found = sorted(usable, key=lambda one: (-len(one.division_code), one.code))
    if not found:
        raise SealUnusable(
            f"{case.county} 没有在用的印章，办件 {case.number} 的证照暂不能制作；请启用印章后自动继续。",
            f"No seal is in use in {case.county}: the licence of case {case.number} waits until one is.",
            case=case.number,
        )
    return found[0]


def _issuer(case: Case, seal: Seal) -> Issuer:
    office = seal.organisation
    if office is None:
        return Issuer(case.county, seal.name_zh)
    return Issuer(office.uscc or case.county, office.name_zh)


def _valid_to(day: date, years: int | None) -> date | None:
    """The last day of so many years that begin with ``day``."""
    if years is None:
        return None
    try:
        same = day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 2, 28)
    return same - timedelta(days=1)


def _letter(who: Principal, case: Case, decision: Decision, definition: Definition) -> Document:
    """The letter of refusal: reason, articles of law, remedies; sealed like a licence."""
    seal, key = seal_of(case), f"case:{case.number}:refusal"
    found = Document.objects.filter(key=f"{key}:sealed").first()
    if found is not None:
        return found
    issuer = _issuer(case, seal)
    values = {**filling(case, decision, definition), "issuer": {"code": issuer.code, "name_zh": issuer.name_zh}}
    plain = templates.render(
        who, template_path(case, "refusal"), values, key=key, kind="refusal", subject=f"case:{case.number}",
        title_zh=f"{case.matter.name_zh}不予许可决定书",
    )  # fmt: skip
    from kunyu.engines.documents import signing

    content = signing.sign_pdf(who, templates.content_of(plain), seal, profile="sm2", subject=f"case:{case.number}")
    return templates.keep(
        who, content, key=f"{key}:sealed", kind="refusal", subject=plain.subject, number=plain.number,
        title_zh=plain.title_zh, template=plain.template, template_sm3=plain.template_sm3, filled_with=plain.filled_with,
        media_type=plain.media_type, pages=plain.pages, is_sealed=True,
    )  # fmt: skip


def template_path(case: Case, which: str) -> Path:
    """The template file of a matter, in the folder of the pack that defines it. Raises BadMatter."""
    name = routing.definition(case).templates.get(which, "")
    pack = case.matter.pack
    for module in settings.INSTALLED_PACKS:
        if pack and module.rpartition(".")[2] == pack:
            folder = Path(str(files(module))) / "templates"
            if name and (folder / name).is_file():
                return folder / name
    raise BadMatter(
        f"事项 {case.matter.code} 没有“{which}”模板（{pack or '未定义文件夹'}/templates/{name or '?'}）。",
        f"Matter {case.matter.code} has no template '{which}' ({pack or 'no folder'}/templates/{name or '?'}).",
        matter=case.matter.code,
    )


def _day(moment: Any) -> str:
    return timezone.localtime(moment).date().isoformat() if moment else ""


def _case(case_id: int) -> Case:
    found = Case.objects.select_related("matter", "edition", "application").filter(pk=case_id).first()
    if found is None:
        raise people.unknown(case_id)
    return found
