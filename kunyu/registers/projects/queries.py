"""Projects a person may see, and the chain found from any number. 项目查询."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import shapely
from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from kunyu.engines.documents.models import Licence
from kunyu.engines.documents.verifying import plain_number
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible, SignInNeeded
from kunyu.engines.security.scope import EDIT, SEE, Principal
from kunyu.kernel.identifiers import is_project_code
from kunyu.kernel.project_codes import plain_project_code
from kunyu.registers.projects.errors import UnknownProject
from kunyu.registers.projects.models import BRANCH, Project, ProjectDocument


@dataclass(frozen=True)
class Chain:
    """What belongs together: a project and its approvals in order, or one approval without a project."""

    project: Project | None
    documents: tuple[ProjectDocument, ...]

    @property
    def name(self) -> str:
        """What it is called on pages."""
        if self.project is not None:
            return self.project.name or self.project.code
        return self.documents[0].number if self.documents else ""


def _in_reach(principal: Principal, action: str) -> Q:
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    allowed = Q(pk__in=[])
    for prefix in principal.divisions(BRANCH, action):
        allowed |= Q(division_code__startswith=prefix)
    return allowed


def projects(principal: Principal, action: str = SEE) -> QuerySet[Project]:
    """Projects of divisions in the caller's reach, with how many approvals each has."""
    rows = Project.objects.filter(_in_reach(principal, action))
    return rows.annotate(approvals=Count("documents"), last_on=Max("documents__issued_on"))


def documents(principal: Principal, action: str = SEE) -> QuerySet[ProjectDocument]:
    """Approvals in the caller's reach."""
    return ProjectDocument.objects.filter(_in_reach(principal, action)).select_related("project", "licence", "previous")


def require_entering(principal: Principal, code: str, division: str) -> None:
    """Refuse whoever may not enter approvals of this project in this division.

    Raises
    ------
    UnknownProject
        The project stands already and is not to be seen.
    NotVisible, NotAllowed
        Nothing of the division is to be seen; it is seen but not entered.
    """
    if Project.objects.filter(code=code).exists() and not projects(principal).filter(code=code).exists():
        raise unknown(code)
    if not any(division.startswith(prefix) for prefix in principal.divisions(BRANCH, SEE)):
        raise NotVisible(
            f"没有区划 {division} 的项目，或者您无权查看。", f"There are no projects of {division} for you."
        )
    scope.require_division(scope.resolve(principal, BRANCH, EDIT), division)


def resolve(principal: Principal, text: str) -> Chain:
    """The chain of any number: project code, number or identifier of an approval, case number, feature of the map.

    Raises
    ------
    UnknownProject
        Nothing bears it, or not in the caller's reach: the same answer.
    """
    code = plain_project_code(text[:80])
    if is_project_code(code):
        project = projects(principal).filter(code=code).first()
        if project is None:
            raise unknown(text)
        return chain_of(principal, project)
    found = documents(principal).filter(_bears(text)).order_by("-pk").first()
    if found is None:
        raise unknown(text)
    if found.project is None:
        return Chain(None, (found,))
    if not projects(principal).filter(pk=found.project.pk).exists():
        return Chain(None, tuple(documents(principal).filter(project=found.project)))
    return chain_of(principal, found.project)


def _bears(text: str) -> Q:
    """Approvals that bear a number: their own, their licence's, their case's, their feature's."""
    number = plain_number(text)
    spelled = {number, number.replace("(", "（").replace(")", "）"), number.replace("（", "(").replace("）", ")")}
    licences = Licence.objects.filter(
        Q(number__in=spelled) | Q(identifier=number.upper()) | Q(subject__in=[f"case:{number}", number])
    )
    return Q(number__in=spelled) | Q(licence__in=licences) | Q(feature=number)


def chain_of(principal: Principal, project: Project) -> Chain:
    """A project with those of its approvals that the caller may see, oldest first."""
    return Chain(project, tuple(documents(principal).filter(project=project).order_by("issued_on", "pk")))


def unknown(text: str) -> UnknownProject:
    """The answer for what is not there or not to be seen."""
    shown = text[:80]
    return UnknownProject(
        f"没有项目或批准文件 {shown}，或者您无权查看。",
        f"There is no project or approval {shown}, or you may not see it.",
    )


def plots_of(found: Iterable[ProjectDocument]) -> dict[int, shapely.Geometry]:
    """Plots by document, EPSG:4490 (lon, lat); documents without one are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ST_AsBinary(plot) FROM projects_projectdocument WHERE plot IS NOT NULL AND id = ANY(%s)",
            [[one.pk for one in found]],
        )
        return {row[0]: shapely.from_wkb(bytes(row[1])) for row in cursor.fetchall()}


def brief(project: Project) -> dict[str, Any]:
    """One line of a project, JSON-ready."""
    return {"code": project.code, "name": project.name, "division": project.division_code,
            "approvals": getattr(project, "approvals", None)}  # fmt: skip


def document_json(one: ProjectDocument) -> dict[str, Any]:
    """One approval, JSON-ready, with the ways from it to the licence and to the map."""
    return {
        "id": one.pk, "kind": one.kind, "kind_zh": one.get_kind_display(), "number": one.number, "state": one.state,
        "issuer": one.issuer_zh, "issued_on": one.issued_on.isoformat(),
        "ended_on": one.ended_on.isoformat() if one.ended_on else None, "division": one.division_code,
        "area_m2": one.area_m2, "plot_area_m2": one.plot_area_m2, "use": one.use_zh,
        "previous": one.previous.number if one.previous else None, "previous_number": one.previous_number,
        "identifier": one.licence.identifier if one.licence else None, "licence": one.licence_id,
        "verify": f"/verify/{one.licence.identifier}" if one.licence else None,
        "feature": f"/ogc/collections/{BRANCH}/items/{one.feature}" if one.feature else None,
    }  # fmt: skip


def plots_geojson(chain: Chain) -> dict[str, Any]:
    """The plots of a chain as GeoJSON (longitude, latitude), drawn by the map like findings: those in force as W."""
    plots = plots_of(chain.documents)
    return {"type": "FeatureCollection", "features": [
        {
            "type": "Feature", "geometry": json.loads(shapely.to_geojson(plots[one.pk])),
            "properties": {
                "fingerprint": f"document-{one.pk}", "severity": "W" if one.state == "valid" else "Q", "rule": one.kind,
                "message_zh": f"{one.get_kind_display()} {one.number}", "message_en": f"{one.kind} {one.number}",
                "number": one.number, "state": one.state,
            },
        }
        for one in chain.documents if one.pk in plots
    ]}  # fmt: skip
