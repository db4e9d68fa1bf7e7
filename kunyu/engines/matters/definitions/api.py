"""House API of matters: the public catalogue with its guides and forms; editions for staff. 事项接口."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import File, Path, Query, Router, Schema, UploadedFile

from kunyu.engines.matters.definitions import consistency, differences, editions, guides, owners
from kunyu.engines.matters.definitions.forms import schema_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.models import MatterEdition
from kunyu.engines.security.scope import Principal

router = Router(tags=["matters"])
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Division = Annotated[str, Query(pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$")]
Level = Literal["", "ministry", "province", "city", "county"]


class MatterOut(Schema):
    """A matter of the catalogue; days are workdays, null where the law names none."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    levels: list[str]
    basis: list[str]
    is_open: bool
    statutory_days: int | None
    promised_days: int | None
    edition: int
    division: str


class LineOut(Schema):
    zh: str
    en: str
    note_zh: str
    note_en: str


class PartOut(Schema):
    code: str
    title_zh: str
    title_en: str
    lines: list[LineOut]


class GuideOut(MatterOut):
    """``missing`` names elements of the guide that are not given."""

    parts: list[PartOut]
    missing: list[str]


class EditionOut(Schema):
    number: int
    division: str
    state: str
    digest: str
    statutory_days: int | None
    promised_days: int | None
    made_by: str
    published_by: str
    published_at: str | None
    reason: str
    changed: list[str]


class DifferenceOut(Schema):
    key: str
    title_zh: str
    title_en: str
    what_zh: str
    what_en: str
    kind: str
    before: str
    after: str


class EditionWhole(EditionOut):
    """``differences`` from the edition before it in its division."""

    definition: dict[str, Any]
    decisions: list[str]
    differences: list[DifferenceOut]


class DeviationOut(Schema):
    code: str
    key: str
    ours: str
    theirs: str


class ComparisonOut(Schema):
    consistent: bool
    compared: int
    missing: list[str]
    surplus: list[str]
    deviations: list[DeviationOut]


class GapsOut(Schema):
    code: str
    name_zh: str
    name_en: str
    missing_zh: list[str]
    missing_en: list[str]


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


@router.get("", response=list[MatterOut], auth=None, summary="事项目录 / the matters of the catalogue")
def index(request: HttpRequest, division: Division = "") -> list[dict[str, Any]]:
    """Every matter handled on this network, as it holds in the division."""
    found = ((one, editions.definition_of(one)) for one in editions.editions_in_use(division))
    return [_matter(one, definition) for one, definition in found if editions.is_of_this_zone(definition)]


@router.get("/completeness", response=list[GapsOut], summary="要素完整性 / what guides lack")
def completeness(request: HttpRequest, division: Division = "") -> list[dict[str, Any]]:
    """Matters whose guides lack an element, with the elements."""
    seen = set(owners.visible(_principal(request)).values_list("code", flat=True))
    return [
        {"code": one.code, "name_zh": one.name[0], "name_en": one.name[1], "missing_zh": [zh for zh, _ in one.missing],
         "missing_en": [en for _, en in one.missing]}
        for one in consistency.completeness(division) if one.missing and one.code in seen
    ]  # fmt: skip


@router.post("/comparison", response=ComparisonOut, summary="四级一致性比对 / compare the list of another level")
def comparison(request: HttpRequest, level: Level = "", file: UploadedFile = File(...)) -> dict[str, Any]:
    """Codes whose name, basic code, kind or basis differ; what that level lacks or adds. Nothing is stored."""
    theirs = consistency.read_list(file.read(), str(file.name))
    return consistency.compare(consistency.own_entries(), theirs, level).document()


@router.get("/{code}", response=GuideOut, auth=None, summary="办事指南 / the guide of a matter")
def guide(request: HttpRequest, code: Code, division: Division = "") -> dict[str, Any]:
    """The guide as it holds in the division."""
    one, definition = _public(code, division)
    parts = [
        {"code": part.code, "title_zh": part.title[0], "title_en": part.title[1],
         "lines": [{"zh": line.text[0], "en": line.text[1], "note_zh": line.note[0], "note_en": line.note[1]} for line in part.lines]}
        for part in guides.guide(definition)
    ]  # fmt: skip
    missing = [zh for zh, _ in guides.missing_elements(definition)]
    return {**_matter(one, definition), "parts": parts, "missing": missing}


@router.get("/{code}/form", response=dict[str, Any], auth=None, summary="表单 / the form, JSON Schema 2020-12")
def form(request: HttpRequest, code: Code, division: Division = "") -> dict[str, Any]:
    """The form as it holds in the division; an object without properties where the matter has none."""
    _, definition = _public(code, division)
    return schema_of(definition)


@router.get("/{code}/editions", response=list[EditionOut], summary="版本 / editions, newest first")
def history(request: HttpRequest, code: Code) -> list[dict[str, Any]]:
    """Published and retired editions of every division."""
    owners.visible_matter(_principal(request), code)
    return [_edition(one) for one in editions.history(code).exclude(state="draft")]


@router.get("/{code}/editions/{number}", response=EditionWhole, summary="一个版本 / one edition, whole")
def edition(
    request: HttpRequest, code: Code, number: Annotated[int, Path(ge=1, le=32_767)], division: Division = ""
) -> dict[str, Any]:
    """An edition with its definition and what it changed."""
    owners.visible_matter(_principal(request), code)
    one = editions.history(code, division).exclude(state="draft").filter(number=number).first()
    if one is None:
        raise owners.unknown(f"{code} #{number}")
    before = editions.history(code, division).exclude(state="draft").filter(number__lt=number).first()
    found = differences.difference(editions.content_of(before), editions.content_of(one)) if before else []
    said = [
        {"key": d.key, "title_zh": d.title[0], "title_en": d.title[1], "what_zh": d.what[0], "what_en": d.what[1],
         "kind": d.kind, "before": d.before, "after": d.after} for d in found
    ]  # fmt: skip
    return {**_edition(one), "definition": one.definition, "decisions": sorted(one.decisions), "differences": said}


def _public(code: str, division: str) -> tuple[MatterEdition, Definition]:
    """What anybody may read: matters of another network are not there (R-310)."""
    one = editions.edition_in_use(code, division)
    definition = editions.definition_of(one)
    if not editions.is_of_this_zone(definition):
        raise owners.unknown(code)
    return one, definition


def _matter(one: MatterEdition, definition: Definition) -> dict[str, Any]:
    return {
        "code": definition.code, "name_zh": definition.name_zh, "name_en": definition.name_en, "kind": definition.kind,
        "levels": definition.levels, "basis": definition.basis, "is_open": one.matter.is_open,
        "statutory_days": definition.statutory_days, "promised_days": definition.promised_days, "edition": one.number,
        "division": one.division_code,
    }  # fmt: skip


def _edition(one: MatterEdition) -> dict[str, Any]:
    return {
        "number": one.number, "division": one.division_code, "state": one.state, "digest": one.digest,
        "statutory_days": one.statutory_days, "promised_days": one.promised_days, "made_by": one.made_by,
        "published_by": one.published_by, "published_at": one.published_at.isoformat() if one.published_at else None,
        "reason": one.reason, "changed": sorted(one.overlay),
    }  # fmt: skip
