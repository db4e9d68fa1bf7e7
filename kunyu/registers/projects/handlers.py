"""What the register does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent.

A licence that comes into force becomes an approval of its project and, where it is about land, a feature of the map; one
that is suspended, revoked, replaced or expired takes both along. The licence is read as it stands now: an event that comes
late or twice finds everything where it belongs.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import shapely
from django.db import connection
from django.utils import timezone

from kunyu.engines.documents.licences import plot_of
from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.models import Case
from kunyu.engines.security import label_registry, labels
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import Principal
from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.identifiers import is_project_code
from kunyu.kernel.outbox.models import Event
from kunyu.kernel.project_codes import plain_project_code
from kunyu.registers.parties.models import Party
from kunyu.registers.projects import approvals
from kunyu.registers.projects.models import BRANCH, ProjectDocument
from kunyu.registers.projects.rules import NEEDS
from kunyu.registers.projects.services import Approval, add_approval, follow_licence

ACTOR = Principal("projects", "投资项目登记", origin="outbox")
State, Kind = Licence.State, ProjectDocument.Kind
KINDS = {
    "land_review_opinion": Kind.REVIEW, "land_conversion_approval": Kind.CONVERSION, "land_planning_permit": Kind.LAND_PERMIT,
    "construction_planning_permit": Kind.WORKS_PERMIT, "rural_planning_permit": Kind.RURAL_PERMIT,
}  # fmt: skip
"""Kinds of licences (`documents.kinds`) as approvals; every other is `Kind.OTHER`."""
PRIOR_FIELDS = ("land_approval_number", "prior_number")
"""Fields of forms that name an earlier document, the one nearest in law first."""
_ENDED = (State.REVOKED, State.REPLACED)


def licence_changed(event: Event) -> None:
    """``documents.licence_changed`` {licence}: approval, project and map follow the licence."""
    licence = Licence.objects.filter(pk=event.payload["licence"]).first()
    if licence is None or licence.state == State.ISSUING:
        return
    case = _case_of(licence)
    shape = plot_of(licence)
    if shape is None and case is not None:
        shape = _plot_of_case(case)
    code = plain_project_code(licence.project_code)
    if not is_project_code(code):
        code = ""
    if not code and shape is None:
        return  # neither a project's nor about land: a matter of others
    document = add_approval(
        ACTOR, _approval(licence, case, code, shape), _project_name(licence, case), _investor(licence)
    )
    ended = _ended_on(licence)
    follow_licence(document, licence, ended)
    if shape is not None:
        _map(licence, document, shape, ended)


def _case_of(licence: Licence) -> Case | None:
    kind, _, number = licence.subject.partition(":")
    return Case.objects.select_related("application").filter(number=number).first() if kind == "case" else None


def _plot_of_case(case: Case) -> shapely.Geometry | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(plot) FROM matters_case WHERE id = %s", [case.pk])
        row = cursor.fetchone()
    return shapely.from_wkb(bytes(row[0])) if row and row[0] is not None else None


def _project_name(licence: Licence, case: Case | None) -> str:
    """As the case has it, else as the licence says."""
    said = {name.partition("|")[0]: value for name, value in licence.facts.items()}
    return (case.project_name if case else "") or str(said.get("项目名称") or "")


def _investor(licence: Licence) -> Party | None:
    if not licence.holder_code:
        return None
    return Party.objects.filter(matching(Party, "code", licence.holder_code), merged_into=None).first()


def _approval(licence: Licence, case: Case | None, code: str, shape: shapely.Geometry | None) -> Approval:
    form = case.application.form if case is not None else {}
    computed = float(area_of_lonlat([shape])[0]) if shape is not None else None
    kind = KINDS.get(licence.kind, Kind.OTHER)
    return Approval(
        key=f"licence:{licence.pk}", kind=kind, number=licence.number,
        issued_on=licence.issued_on, division=licence.division_code, project_code=code, issuer_zh=licence.issuer_zh,
        area_m2=_number(form.get("declared_area_m2")) or computed, use_zh=str(form.get("use_code") or ""),
        previous_number=_previous_number(form, case, kind), plot=shape, licence=licence,
    )  # fmt: skip


def _previous_number(form: dict[str, Any], case: Case | None, kind: ProjectDocument.Kind) -> str:
    """The earlier document: the nearest one named by the application that the register knows, else the one given on it.

    An application for several matters cannot name what it is still to be given.
    """
    named = [str(form[name]).strip() for name in PRIOR_FIELDS if str(form.get(name) or "").strip()]
    known = set(ProjectDocument.objects.filter(number__in=named).values_list("number", flat=True))
    stated = next((one for one in named if one in known), "")
    return stated or _given_together(case, kind) or (named[0] if named else "")


def _given_together(case: Case | None, kind: ProjectDocument.Kind) -> str:
    """The valid document nearest before this kind in law that the same application was given; empty for none."""
    if case is None:
        return ""
    siblings = Case.objects.filter(application_id=case.application_id).exclude(pk=case.pk).exclude(licence_number="")
    before = NEEDS.get(kind, ())
    listed = ProjectDocument.objects.filter(
        number__in=siblings.values("licence_number"), kind__in=before, state=State.VALID
    )
    nearest = min(listed, key=lambda one: before.index(Kind(one.kind)), default=None)
    return nearest.number if nearest is not None else ""


def _number(value: Any) -> float | None:
    """A positive number; None for anything else."""
    try:
        return float(value) if float(value) > 0 else None
    except (TypeError, ValueError):
        return None


def _ended_on(licence: Licence) -> date | None:
    """The day a licence was revoked or replaced; None while it is neither."""
    if licence.state not in _ENDED:
        return None
    event = licence.events.filter(state=licence.state).order_by("-id").first()
    return timezone.localtime(event.at).date() if event else timezone.localdate()


def _map(licence: Licence, document: ProjectDocument, shape: shapely.Geometry, ended: date | None) -> None:
    if not label_registry.label_of(BRANCH).dominates(labels.label_of_code(licence.label)):
        return  # stricter than the layer: such a plot stays in its case
    if licence.state == State.EXPIRED and document.feature:
        return  # its row ends with its last day by itself
    county = licence.division_code[:6]
    key = approvals.feature_key(county, licence.pk)
    values = _values(key, licence, document, shape)
    if ended is None:
        approvals.put(ACTOR, approvals.Plot(key, county, _day_of(licence), licence.valid_to, values, shape))
    else:
        if not document.feature:  # both events came at once: it was in force in between
            approvals.put(ACTOR, approvals.Plot(key, county, licence.issued_on, licence.valid_to, values, shape))
        approvals.put(ACTOR, approvals.Plot(key, county, ended, None, None, None))
    if document.feature != key:
        ProjectDocument.objects.filter(pk=document.pk).update(feature=key)


def _day_of(licence: Licence) -> date:
    """Since when it stands as it stands: its day of issue, or the day it was suspended or resumed."""
    event = licence.events.filter(act__in=["suspended", "resumed"]).order_by("-id").first()
    return max(licence.issued_on, timezone.localtime(event.at).date()) if event else licence.issued_on


def _values(key: str, licence: Licence, document: ProjectDocument, shape: shapely.Geometry) -> dict[str, Any]:
    """The attributes of the feature, by the codes of KUNYU-APPROVALS-2026. No personal data stands on the map."""
    project = document.project
    return {
        "BSM": key, "XZQDM": licence.division_code, "XMDM": project.code if project else None,
        "XMMC": (project.name or None) if project else None, "WSLX": document.kind, "WSBH": licence.number,
        "ZZBS": licence.identifier, "ZZZT": "suspended" if licence.state == State.SUSPENDED else "valid",
        "PZRQ": licence.issued_on.isoformat(), "YXQZ": licence.valid_to.isoformat() if licence.valid_to else None,
        "PZMJ": round(float(area_of_lonlat([shape])[0]), 2), "TDYT": document.use_zh or None,
    }  # fmt: skip
