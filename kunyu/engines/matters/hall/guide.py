"""What the public page of one matter shows: the guide as it holds in a place, and what goes with it. 办事指南页面内容."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kunyu.engines.documents.kinds import kinds
from kunyu.engines.matters.cases.ready import applied_for
from kunyu.engines.matters.definitions import editions, guides, owners
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.guides import Part
from kunyu.engines.matters.definitions.matter import Definition, MaterialKind
from kunyu.engines.matters.errors import BadMatter, WrongStep
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.queries import valid_at
from kunyu.engines.security.scope import Principal

MOST_TOGETHER = 8
MOST_TRIED = 40
_OWN_PLACE = frozenset({"materials", "limit", "fee", "window", "contact", "steps"})
"""Parts that stand elsewhere on the page than in the list of facts."""


@dataclass(frozen=True)
class MaterialShown:
    """One material: when it is needed, in which formats, and what stands in for it."""

    name: Pair
    need: Pair
    is_needed: bool
    formats: str
    stands_in: Pair
    note: Pair


@dataclass(frozen=True)
class Local:
    """A place that has its own edition of the guide; '' is the one that holds elsewhere."""

    code: str
    name: Pair
    is_current: bool


@dataclass(frozen=True)
class Guide:
    """The page of a matter, whole."""

    matter: Matter
    edition: MatterEdition
    definition: Definition
    division: str
    parts: list[Part]
    heads: list[Part]
    steps: Part | None
    contact: Part | None
    materials: list[MaterialShown]
    together: list[Matter]
    places: list[Local]
    missing: list[Pair]
    is_open: bool


def guide_of(principal: Principal, code: str, division: str) -> Guide:
    """The guide of a matter that is in use and handled on this network, as it holds in a division.

    Raises
    ------
    UnknownMatter
    """
    edition = editions.edition_in_use(code, division)
    definition = editions.definition_of(edition)
    if not editions.is_of_this_zone(definition):
        raise owners.unknown(code)
    given = {part.code: part for part in guides.guide(definition)}
    matter = edition.matter
    is_officer = owners.visible(principal).filter(pk=matter.pk).exists()
    return Guide(
        matter, edition, definition, division,
        parts=[part for key, part in given.items() if key not in _OWN_PLACE],
        heads=[given[key] for key in ("limit", "fee", "window") if key in given],
        steps=given.get("steps"), contact=given.get("contact"),
        materials=[_material(kind, definition) for kind in definition.materials],
        together=_together(definition, division) if matter.is_open else [],
        places=_places(matter, edition),
        missing=guides.missing_elements(definition) if is_officer else [],
        is_open=matter.is_open,
    )  # fmt: skip


def _material(kind: MaterialKind, definition: Definition) -> MaterialShown:
    return MaterialShown(
        (kind.name_zh, kind.name_en or kind.name_zh), _need(kind, definition), kind.is_required and not kind.when,
        "、".join(kind.formats).upper(), _stands_in(kind), (kind.note_zh, kind.note_en or kind.note_zh),
    )  # fmt: skip


def _need(kind: MaterialKind, definition: Definition) -> Pair:
    if kind.when:
        field = next((one for one in fields_of(definition) if one.name == kind.when), None)
        if field is not None:
            return (f"表单“{field.title_zh}”为是时提交", f"when '{field.title_en}' is answered with yes")
        return ("符合条件时提交", "under a condition of the form")
    return ("必须提交", "needed") if kind.is_required else ("可以提交", "may be given")


def _stands_in(kind: MaterialKind) -> Pair:
    """A licence in the register that takes the material's place (免提交); ('', '') where none can."""
    if not kind.licence_kind:
        return ("", "")
    known = kinds().get(kind.licence_kind)
    if known is None:
        return ("证照库已有您的相应证照时免提交", "not asked for when the register has the licence that proves it")
    return (f"证照库已有您的“{known.name_zh}”时免提交", f"not asked for when the register has your {known.name_en}")


def _together(definition: Definition, division: str) -> list[Matter]:
    """Other matters that may go into the same application: open here, at a common level, with forms that agree."""
    near = Matter.objects.filter(is_open=True).exclude(code=definition.code)
    ranked = sorted(near[:MOST_TRIED], key=lambda one: (one.branch != definition.branch, one.code))
    found: list[Matter] = []
    for other in ranked:
        if len(found) < MOST_TOGETHER and _goes_with(definition, other.code, division):
            found.append(other)
    return found


def _goes_with(definition: Definition, other: str, division: str) -> bool:
    try:
        _, second = (editions.definition_of(one) for one in applied_for([definition.code, other], division))
        fields_of([definition, second])
    except (WrongStep, BadMatter):
        return False
    return bool(set(definition.levels) & set(second.levels))


def _places(matter: Matter, current: MatterEdition) -> list[Local]:
    """Places with an edition of their own; nothing when the guide is the same everywhere."""
    own = MatterEdition.objects.filter(matter=matter, state="published").exclude(division_code="")
    codes = sorted(own.values_list("division_code", flat=True))
    if not codes:
        return []
    names = _names(codes)
    return [Local(code, names.get(code, (code, code)), code == current.division_code) for code in ["", *codes]]


def _names(codes: Sequence[str]) -> dict[str, Pair]:
    rows = valid_at().filter(code__in=codes).values_list("code", "name_zh", "name_en")
    named: dict[str, Pair] = {code: (zh, en or zh) for code, zh, en in rows}
    return {"": ("通用", "Elsewhere"), **named}
