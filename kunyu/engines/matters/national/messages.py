"""From an event of a case to a message for the national platform. 办件汇聚消息.

One message for each event that the platform wants to know of, named by case number and sequence, made in the
transaction that delivers the event. What a message says was so when the event happened: it is built from the event, not
from the case as it stands later. The applicant's code is kept masked and put in only on the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.definitions.editions import definition_of
from kunyu.engines.matters.models import Case, CaseEvent, Material, NationalMessage, Pause

VERSION = 1
KIND_OF = {
    "submitted": "application",
    "accepted": "acceptance",
    "not_accepted": "acceptance",
    "step": "step",
    "decided": "step",
    "office_changed": "step",
    "correction_asked": "special",
    "correction_answered": "special",
    "paused": "special",
    "resumed": "special",
    "sealed": "licence",
    "closed": "closed",
    "withdrawn": "closed",
    "lapsed": "closed",
    "revoked": "closed",
}
"""Acts that the platform is told of; in whose hands a case is, supervision and the like stay in the node."""


def make_message(case_id: int, sequence: int) -> NationalMessage | None:
    """The message of one event, made once; None for events the platform is not told of."""
    event = CaseEvent.objects.filter(case_id=case_id, sequence=sequence).first()
    kind = kind_of(event) if event is not None else None
    if event is None or kind is None:
        return None
    case = Case.objects.select_related("matter", "edition", "application").get(pk=case_id)
    made, _ = NationalMessage.objects.get_or_create(
        case=case, sequence=sequence, defaults={"kind": kind, "body": body_of(case, event, kind)}
    )
    return made


def kind_of(event: CaseEvent) -> str | None:
    """The kind of message of an event; a decision without a licence has no licence to tell of."""
    kind = KIND_OF.get(event.act)
    return None if kind == "licence" and not event.detail.get("licence") else kind


def body_of(case: Case, event: CaseEvent, kind: str) -> dict[str, Any]:
    """The message as ``schema/message.json`` describes it."""
    return {
        "version": VERSION,
        "number": case.number,
        "sequence": event.sequence,
        "kind": kind,
        "at": _instant(event.at),
        "basic": _basic(case, event),
        "applicant": {
            "kind": case.application.applicant_kind, "name": case.applicant_name,
            "code_masked": case.application.applicant_code_masked,
        },
        kind: _BLOCKS[kind](case, event),
    }  # fmt: skip


def with_code(message: NationalMessage) -> dict[str, Any]:
    """The body as it leaves: with the applicant's code in clear, which no table of messages holds."""
    code = message.case.application.applicant_code
    return {**message.body, "applicant": {**message.body["applicant"], **({"code": code} if code else {})}}


def _basic(case: Case, event: CaseEvent) -> dict[str, Any]:
    office = {"office": {"name": event.detail["office"]}} if event.detail.get("office") else {}
    return {
        "matter_code": case.matter.code, "basic_code": case.matter.basic_code, "matter_name": case.matter.name_zh,
        "matter_edition": case.edition.number, "division": case.division_code, "case_type": "promised",
        "channel": "counter" if case.application.counter_county else "online", "project_code": case.project_code,
        **office,
    }  # fmt: skip


def _application(case: Case, event: CaseEvent) -> dict[str, Any]:
    names = {one.code: one.name_zh for one in definition_of(case.edition).materials}
    given = Material.objects.filter(application_id=case.application_id, is_withdrawn=False).order_by("kind", "version")
    return {
        "submitted_at": _instant(case.submitted_at),
        "materials": [
            {"code": one.kind, "name": names.get(one.kind, one.kind), "source": one.source,
             "licence_number": one.licence_number, "digest": one.sm3}
            for one in given
        ],
    }  # fmt: skip


def _acceptance(case: Case, event: CaseEvent) -> dict[str, Any]:
    if event.act == "not_accepted":
        return {"result": "not_accepted", "at": _instant(event.at), "reason": event.reason}
    return {
        "result": "accepted", "at": _instant(event.at), "promised_workdays": case.promised_days,
        "promised_by": event.detail.get("due_on"),
    }  # fmt: skip


def _step(case: Case, event: CaseEvent) -> dict[str, Any]:
    names = {one.code: one.name_zh for one in definition_of(case.edition).stages}
    return {
        "stage": event.stage or event.act, "stage_name": names.get(event.stage, "移交"), "person": event.actor_zh or event.actor,
        "office": str(event.detail.get("office", "")), "at": _instant(event.at), "outcome": event.outcome,
        "opinion": event.reason, "state": event.state,
    }  # fmt: skip


def _special(case: Case, event: CaseEvent) -> dict[str, Any]:
    is_correction = event.act.startswith("correction")
    return {
        "type": Pause.Kind.CORRECTION if is_correction else event.outcome or Pause.Kind.OTHER,
        "phase": "begin" if event.act in ("correction_asked", "paused") else "end",
        "at": _instant(event.at), "reason": event.reason, "answer_by": event.detail.get("answer_by"),
    }  # fmt: skip


def _licence(case: Case, event: CaseEvent) -> dict[str, Any]:
    number = str(event.detail["licence"])
    found = Licence.objects.filter(subject=f"case:{case.number}", number=number).order_by("version").first()
    return {"number": number, "identifier": found.identifier if found else "", "at": _instant(event.at)}


_RESULTS = {"withdrawn": "withdrawn", "lapsed": "withdrawn", "revoked": "revoked"}


def _closed(case: Case, event: CaseEvent) -> dict[str, Any]:
    result = _RESULTS.get(event.act) or ("granted" if event.outcome == "grant" else "refused")
    return {
        "result": result, "at": _instant(event.at), "reason": event.reason,
        "licence_number": str(event.detail.get("licence", "")), "workdays_used": case.days_used, "delivery": "electronic",
    }  # fmt: skip


_BLOCKS: dict[str, Callable[[Case, CaseEvent], dict[str, Any]]] = {
    "application": _application,
    "acceptance": _acceptance,
    "step": _step,
    "special": _special,
    "licence": _licence,
    "closed": _closed,
}


def _instant(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds")
