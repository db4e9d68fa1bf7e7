"""Is an application complete enough to be submitted: matters open, form, plot, project, materials. 提交前核验.

Only what can be said without the map; the rules of the matter answer the rest (:mod:`rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from django.conf import settings
from django.db import connection

from kunyu.engines.matters.cases.applicants import faults
from kunyu.engines.matters.cases.places import elsewhere
from kunyu.engines.matters.definitions.editions import definition_of, edition_in_use, find_in_use, is_of_this_zone
from kunyu.engines.matters.definitions.forms import check_form
from kunyu.engines.matters.definitions.matter import Definition, MaterialKind
from kunyu.engines.matters.errors import UnknownMatter, WrongStep
from kunyu.engines.matters.models import Application, Material, Matter, MatterEdition

Fault = dict[str, Any]


def applied_for(codes: Sequence[str], division: str) -> list[MatterEdition]:
    """The editions in use of matters that are open for applications here and in this node's zone.

    Raises
    ------
    UnknownMatter, WrongStep
    """
    if not codes:
        raise UnknownMatter("请至少选择一个事项。", "Choose at least one matter.")
    return [_open_edition(code, division) for code in codes]


def _open_edition(code: str, division: str) -> MatterEdition:
    found = find_in_use(code, division)
    matter = found.matter if found else Matter.objects.filter(code=code).first()
    if matter is None:
        raise UnknownMatter(f"没有事项 {code[:40]}。", f"There is no matter {code[:40]}.")
    if not matter.is_open:
        raise WrongStep(
            f"事项“{matter.name_zh}”不在本节点受理，请看办事指南。",
            f"Applications for {matter.code} are not taken on this node; see its guide.",
            matter=matter.code,
        )
    edition = found or edition_in_use(code, division)
    definition = definition_of(edition)
    if not is_of_this_zone(definition):
        zones = definition.zones
        raise WrongStep(
            f"事项“{matter.name_zh}”只在 {'、'.join(zones)} 网办理，本节点是 {settings.KUNYU_ZONE}。",
            f"{matter.code} is handled in zone {', '.join(zones)} only; this node is {settings.KUNYU_ZONE}.",
            matter=matter.code,
        )
    return edition


def require_ready(one: Application, editions: Iterable[MatterEdition]) -> None:
    """Refuse with every fault at once. Raises BadForm."""
    wanted = [definition_of(edition) for edition in editions]
    found: list[Fault] = [*_applicant_faults(one), *(_form_fault(fault) for fault in check_form(wanted, one.form))]
    for definition in wanted:
        found += _matter_faults(one, definition)
    if one.plot_area_m2 is not None:
        found += _place_faults(one)
    unique = {(fault["field"], fault["zh"]): fault for fault in found}
    if unique:
        raise faults(list(unique.values()))


def _form_fault(fault: Any) -> Fault:
    return {"field": fault.field, "zh": fault.zh, "en": fault.en}


def _applicant_faults(one: Application) -> list[Fault]:
    found = []
    if not one.applicant_name:
        found.append(_missing("applicant.name", "申请人名称", "the applicant's name"))
    if not one.applicant_kind:
        found.append(_missing("applicant.kind", "申请人类型", "the kind of applicant"))
    if not one.applicant_code:
        found.append(_missing("applicant.code", "申请人证件号码", "the applicant's code"))
    return found


def _matter_faults(one: Application, wanted: Definition) -> list[Fault]:
    found = []
    if wanted.needs_plot and one.plot_area_m2 is None:
        found.append(_missing("plot", "用地范围（地块）", "the plot"))
    if wanted.needs_project and not one.project_code:
        found.append(_missing("project.code", "投资项目代码", "the project code"))
    return found + [
        _missing(f"materials.{kind.code}", f"申请材料“{kind.name_zh}”", f"the material '{kind.name_en or kind.code}'")
        for kind in missing_materials(one, wanted)
    ]


def missing_materials(one: Application, wanted: Definition) -> list[MaterialKind]:
    """Required kinds of which no version is handed in."""
    given = set(Material.objects.filter(application=one, is_withdrawn=False).values_list("kind", flat=True))
    return [kind for kind in wanted.materials if kind.code not in given and _is_needed(kind, one)]


def _is_needed(kind: MaterialKind, one: Application) -> bool:
    return bool(one.form.get(kind.when)) if kind.when else kind.is_required


def _missing(field: str, zh: str, en: str) -> Fault:
    return {"field": field, "zh": f"缺少{zh}。", "en": f"Missing: {en}."}


def _place_faults(one: Application) -> list[Fault]:
    """A plot wholly outside the county it is applied for in; boundaries may have changed since it was saved."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(plot) FROM matters_application WHERE id = %s", [one.pk])
        plot = cursor.fetchone()[0]
    found = None if plot is None else elsewhere(shapely.from_wkb(bytes(plot)), one.division_code)
    return [] if found is None else list(found.context["faults"])
