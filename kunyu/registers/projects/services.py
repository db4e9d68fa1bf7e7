"""Acts on projects: entered once, approvals added once, their state followed. 投资项目登记."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import shapely
from django.db import IntegrityError, connection, transaction

from kunyu.engines.documents.models import Licence
from kunyu.engines.security import audit
from kunyu.engines.security.scope import COUNTY_DIGITS, Principal
from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.identifiers import is_division, parse_project_code
from kunyu.registers.parties.models import Party
from kunyu.registers.projects.errors import BadDocument, NumberTaken
from kunyu.registers.projects.models import Project, ProjectDocument

Kind = ProjectDocument.Kind
NUMBER_LETTERS = 80
ORDER = {kind: place for place, kind in enumerate(Kind.values)}


@dataclass(frozen=True)
class Approval:
    """One approval as it is entered. ``plot``: EPSG:4490 (lon, lat) or None; ``key``: the cause, e.g. ``licence:12``."""

    key: str
    kind: str
    number: str
    issued_on: date
    division: str
    project_code: str = ""
    issuer_zh: str = ""
    area_m2: float | None = None
    use_zh: str = ""
    previous_number: str = ""
    plot: shapely.Geometry | None = None
    licence: Licence | None = None


def ensure_project(
    principal: Principal, code: str, *, name: str = "", division: str = "", investor: Party | None = None
) -> Project:
    """The project of a code, entered when it is new; what was empty is filled in, nothing is overwritten.

    Raises
    ------
    BadIdentifier
        The code is not built like one.
    """
    parsed = parse_project_code(code)
    with transaction.atomic():
        project, is_new = Project.objects.select_for_update(of=("self",)).get_or_create(
            code=parsed.code,
            defaults={"name": name[:300], "division_code": division or parsed.division, "investor": investor,
                      "created_by": principal.name},
        )  # fmt: skip
        if is_new:
            audit.record(principal, "project-entered", "project", parsed.code, division=project.division_code)
        elif (name and not project.name) or (investor and not project.investor_id):
            project.name = project.name or name[:300]
            project.investor = project.investor or investor
            project.save(update_fields=["name", "investor"])
    return project


def add_approval(
    principal: Principal, approval: Approval, project_name: str = "", investor: Party | None = None
) -> ProjectDocument:
    """Enter an approval, once for its key; its project is entered with it.

    Raises
    ------
    BadDocument, BadIdentifier, NumberTaken
    """
    found = ProjectDocument.objects.filter(key=approval.key).first()
    if found is not None:
        return found
    _require_good(approval)
    try:
        with transaction.atomic():
            return _added(principal, approval, project_name, investor)
    except IntegrityError:
        return ProjectDocument.objects.get(key=approval.key)


def _added(principal: Principal, approval: Approval, project_name: str, investor: Party | None) -> ProjectDocument:
    project = None
    if approval.project_code:
        project = ensure_project(
            principal, approval.project_code, name=project_name, division=approval.division, investor=investor
        )
    plot_area = float(area_of_lonlat([approval.plot])[0]) if approval.plot is not None else None
    previous = _previous(project, approval)
    made = ProjectDocument.objects.create(
        key=approval.key, project=project, project_code_stated=approval.project_code, kind=approval.kind,
        number=approval.number.strip(), licence=approval.licence, issuer_zh=approval.issuer_zh[:200], issued_on=approval.issued_on,
        division_code=approval.division, area_m2=approval.area_m2, plot_area_m2=plot_area, use_zh=approval.use_zh[:100],
        previous=previous, previous_number=approval.previous_number.strip()[:NUMBER_LETTERS], entered_by=principal.name,
    )  # fmt: skip
    if approval.plot is not None:
        _store_plot(made.pk, approval.plot)
    audit.record(principal, "approval-entered", "project-document", made.number, kind=made.kind,
                 project=project.code if project else "", division=made.division_code)  # fmt: skip
    return made


def _previous(project: Project | None, approval: Approval) -> ProjectDocument | None:
    """The document that this one names; without a name the last of the project that the law puts before it."""
    if approval.previous_number.strip():
        named = ProjectDocument.objects.filter(number=approval.previous_number.strip()).order_by("-id").first()
        return named if named is None or named.number != approval.number.strip() else None
    if project is None:
        return None
    before = [kind for kind in Kind.values if ORDER[kind] < ORDER[approval.kind] and kind != Kind.OTHER]
    earlier = project.documents.filter(kind__in=before, state__in=["valid", "expired"])
    rows = sorted(earlier, key=lambda one: (ORDER[one.kind], one.issued_on, one.pk))
    return rows[-1] if rows else None


def _require_good(approval: Approval) -> None:
    if not 0 < len(approval.number.strip()) <= NUMBER_LETTERS or approval.kind not in Kind.values:
        raise BadDocument(
            f"批准文件须有类型和至多 {NUMBER_LETTERS} 字的文号。", f"An approval has a kind and a number of {NUMBER_LETTERS} letters at most.",
            field="number",
        )  # fmt: skip
    if not is_division(approval.division) or len(approval.division) < COUNTY_DIGITS:
        raise BadDocument(
            "区划代码须为 6 至 12 位数字。", "The division is a code of 6 to 12 digits.", field="division"
        )
    if approval.area_m2 is not None and not approval.area_m2 > 0:
        raise BadDocument("批准面积须大于零。", "The approved area is above zero.", field="area_m2")
    plot = approval.plot
    if plot is not None and not _is_plot(plot):
        raise BadDocument(
            "批准地块须是经纬度坐标下有效的多边形。",
            "The approved plot is a valid polygon in longitude and latitude.",
            field="plot",
        )
    same = ProjectDocument.objects.filter(kind=approval.kind, number=approval.number.strip(), licence=None)
    if approval.licence is None and same.exists():
        raise NumberTaken(
            f"文号 {approval.number} 已登记。", f"Number {approval.number} is entered already.", number=approval.number
        )


def _is_plot(shape: shapely.Geometry) -> bool:
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty or not shape.is_valid:
        return False
    west, south, east, north = shape.bounds
    return -180 <= west <= east <= 180 and -90 <= south <= north <= 90


def _store_plot(document_id: int, plot: shapely.Geometry) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projects_projectdocument SET plot = ST_Multi(ST_Force2D(ST_GeomFromWKB(%s, 4490))) WHERE id = %s",
            [shapely.to_wkb(plot), document_id],
        )


def follow_licence(document: ProjectDocument, licence: Licence, ended_on: date | None) -> None:
    """Bring an approval to the state of its licence."""
    if (document.state, document.ended_on) != (licence.state, ended_on):
        ProjectDocument.objects.filter(pk=document.pk).update(state=licence.state, ended_on=ended_on)
