"""The archive package of a closed case: what `documents.archives` is handed by this engine. 办件归档.

Made when a case closes and made anew after whatever happens to it or its licence later; nothing changed, the same file.
Letters and licences are documents of the case and need no handing in.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from kunyu.engines.documents import archives
from kunyu.engines.documents.archives import ArchivedEvent, ArchivedFile, Contents
from kunyu.engines.documents.models import Archive
from kunyu.engines.matters.cases import overriding
from kunyu.engines.matters.errors import NotArchived
from kunyu.engines.matters.models import Case, CaseEvent, Check, Material
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.models import Event

ACTOR = Principal("archive", "归档", origin="outbox")


def case_changed(event: Event) -> None:
    """``matters.case_changed`` {case}: archive a case that is closed. Idempotent."""
    case = _read(pk=event.payload["case"])
    if case is not None and case.closed_at is not None:
        archives.make(ACTOR, contents_of(case))


def licence_changed(event: Event) -> None:
    """``documents.licence_changed`` {subject}: archive its closed case anew. Idempotent."""
    kind, _, number = str(event.payload["subject"]).partition(":")
    case = _read(number=number) if kind == "case" else None
    if case is not None and case.closed_at is not None:
        archives.make(ACTOR, contents_of(case))


def archive_of(case: Case) -> Archive:
    """The package of a case; who may have it was decided before. Raises NotArchived."""
    found = Archive.objects.filter(subject=f"case:{case.number}").first()
    if found is None:
        raise NotArchived(
            f"办件 {case.number} 尚未归档；办结后自动归档。", f"Case {case.number} is archived once it is closed."
        )
    return found


def contents_of(case: Case) -> Contents:
    """Facts, materials and trace of a case."""
    return Contents(
        subject=f"case:{case.number}", title_zh=f"{case.matter.name_zh} {case.number}", facts=_facts(case),
        materials=_materials(case), events=_events(case), records=_records(case),
    )  # fmt: skip


def _read(**which: Any) -> Case | None:
    return Case.objects.select_related("matter", "edition", "application").filter(**which).first()


def _facts(case: Case) -> tuple[tuple[str, str], ...]:
    area = f"{case.plot_area_m2:,.2f} 平方米" if case.plot_area_m2 is not None else ""
    rows = [
        ("办件编号", case.number), ("事项", f"{case.matter.code} {case.matter.name_zh}"),
        ("事项版本", f"{case.edition.number}（{case.edition.digest[:16]}）"), ("申请人", case.applicant_name),
        ("项目代码", case.project_code), ("项目名称", case.project_name), ("区划", case.division_code), ("用地面积", area),
        ("申报时间", _at(case.submitted_at)), ("受理时间", _at(case.accepted_at)), ("决定时间", _at(case.decided_at)),
        ("办结时间", _at(case.closed_at)), ("状态", case.get_state_display()), ("证照编号", case.licence_number),
        *_passed_over(case),
    ]  # fmt: skip
    return tuple((name, value) for name, value in rows if value)


def _passed_over(case: Case) -> list[tuple[str, str]]:
    """What the decision was made against, and why: a reader of the archive must not take it for checked."""
    decision = getattr(case, "decision", None)
    if decision is None or not decision.passed_over:
        return []
    listed = "、".join(zh for zh, _ in overriding.of_decision(decision.passed_over))
    return [
        ("决定时未核验或冲突的项目", listed),
        ("仍然决定的理由", f"{decision.override}（{decision.decided_by_zh or decision.override_by}）"),
    ]


def _materials(case: Case) -> tuple[ArchivedFile, ...]:
    """Every version handed in, withdrawn ones too: the trace names them."""
    found = Material.objects.filter(application_id=case.application_id).order_by("kind", "version")
    return tuple(
        ArchivedFile(
            one.file_name, f"{one.kind} 第{one.version}版 {one.file_name}", one.sm3, one.media_type,
            "申请人已撤回" if one.is_withdrawn else one.get_source_display(),
        )
        for one in found
    )  # fmt: skip


def _events(case: Case) -> tuple[ArchivedEvent, ...]:
    return tuple(
        ArchivedEvent(one.at, one.actor_zh or one.actor, " ".join(filter(None, (one.act, one.stage, one.outcome))), one.reason)
        for one in CaseEvent.objects.filter(case=case).order_by("sequence")
    )  # fmt: skip


def _records(case: Case) -> dict[str, Any]:
    """What programs may want besides: the form, opinions, checks with their digests, the decision."""
    decision = getattr(case, "decision", None)
    return {
        "form": case.application.form,
        "opinions": [
            {"stage": one.stage, "outcome": one.outcome, "text": one.text, "author": one.author_zh or one.author,
             "office": one.office_zh, "at": _at(one.at)}
            for one in case.opinions.order_by("id")
        ],
        "checks": [
            {"digest": one.digest, "rules": one.rules_digest, "valid_at": one.valid_at.isoformat(),
             "known_at": one.known_at.isoformat(), "conflicts": one.conflicts, "not_checked": one.not_checked, "clear": one.clear}
            for one in Check.objects.filter(case=case).order_by("id")
        ],
        "decision": {
            "outcome": decision.outcome, "reason": decision.reason, "basis": decision.basis, "override": decision.override,
            "override_by": decision.override_by, "passed_over": decision.passed_over,
            "decided_by": decision.decided_by_zh or decision.decided_by, "decided_at": _at(decision.decided_at),
        } if decision else None,
    }  # fmt: skip


def _at(moment: Any) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""
