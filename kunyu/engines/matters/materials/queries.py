"""Materials as lists and pages show them. 材料查询."""

from __future__ import annotations

from typing import Any

from kunyu.engines.matters.materials import access
from kunyu.engines.matters.materials.facts import one_line
from kunyu.engines.matters.materials.kinds import kinds_of
from kunyu.engines.matters.models import Application, Material
from kunyu.engines.security.scope import Principal

_AROUND = 24
MOST_HITS = 200
SHORTEST, LONGEST = 2, 100


def listed(principal: Principal, application_id: int) -> dict[str, Any]:
    """Every kind the application asks for with its versions, newest first, and what it may do without.

    Raises
    ------
    UnknownCase
    """
    application = access.seen_application(principal, application_id)
    return {"application": application.pk, "kinds": kinds_with_versions(application)}


def kinds_with_versions(application: Application) -> list[dict[str, Any]]:
    """Kinds in the order of the matter's list; kinds that only an earlier edition asked for come last."""
    versions: dict[str, list[Material]] = {}
    for one in Material.objects.filter(application=application).order_by("kind", "-version"):
        versions.setdefault(one.kind, []).append(one)
    kinds = kinds_of(application)
    found = [
        {
            "code": kind.code, "name_zh": kind.name_zh, "name_en": kind.name_en, "formats": list(kind.formats),
            "is_needed": bool(application.form.get(kind.when)) if kind.when else kind.is_required,
            "licence_kind": kind.licence_kind, "note_zh": kind.note_zh, "note_en": kind.note_en,
            "versions": [brief(one) for one in versions.pop(kind.code, ())],
        }
        for kind in kinds.values()
    ]  # fmt: skip
    found += [
        {"code": code, "name_zh": code, "name_en": code, "formats": [], "is_needed": False, "licence_kind": "",
         "note_zh": "", "note_en": "", "versions": [brief(one) for one in ones]}
        for code, ones in versions.items()
    ]  # fmt: skip
    return found


def brief(one: Material) -> dict[str, Any]:
    """A version as a list shows it."""
    return {
        "id": one.pk, "kind": one.kind, "version": one.version, "source": one.source, "file_name": one.file_name,
        "media_type": one.media_type, "sm3": one.sm3, "size": one.size, "pages": one.pages, "reading": one.reading,
        "faults": one.faults, "licence_number": one.licence_number, "is_withdrawn": one.is_withdrawn,
        "uploaded_by": one.uploaded_by, "uploaded_at": one.uploaded_at.isoformat(),
        "file": f"/api/cases/materials/{one.pk}/file",
    }  # fmt: skip


def detail(principal: Principal, material_id: int) -> dict[str, Any]:
    """One version with what was read of it. Raises UnknownMaterial."""
    one = access.seen_material(principal, material_id)
    return {**brief(one), "application": one.application_id, "facts": one.facts}


def search(principal: Principal, application_id: int, wanted: str) -> list[dict[str, Any]]:
    """Where the newest materials of an application say something; letters of any width and case.

    Returns
    -------
    list of dict
        ``{"material", "kind", "file_name", "page", "line", "before", "hit", "after"}``, at most `MOST_HITS`.

    Raises
    ------
    UnknownCase
    """
    application = access.seen_application(principal, application_id)
    needle = one_line(wanted).casefold()[:LONGEST]
    if len(needle) < SHORTEST:
        return []
    found: list[dict[str, Any]] = []
    for one in _newest(application):
        for page, text in enumerate(one.text.split("\f"), 1):
            for number, line in enumerate(text.split("\n"), 1):
                found += _hits(one, page, number, line, needle)
                if len(found) >= MOST_HITS:
                    return found[:MOST_HITS]
    return found


def _newest(application: Application) -> list[Material]:
    """The version of each kind that counts."""
    ordered = Material.objects.filter(application=application, is_withdrawn=False).order_by("kind", "version")
    return list({one.kind: one for one in ordered}.values())


def _hits(one: Material, page: int, number: int, line: str, needle: str) -> list[dict[str, Any]]:
    found, at, lower = [], 0, line.casefold()
    if len(lower) != len(line):  # a letter whose small form is two: places would not fit
        lower = line
    while (at := lower.find(needle, at)) >= 0:
        end = at + len(needle)
        found.append({
            "material": one.pk, "kind": one.kind, "file_name": one.file_name, "page": page, "line": number,
            "before": line[max(0, at - _AROUND) : at], "hit": line[at:end], "after": line[end : end + _AROUND],
        })  # fmt: skip
        at = end
    return found
