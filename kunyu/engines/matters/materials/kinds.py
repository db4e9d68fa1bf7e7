"""Which kinds of material an application asks for. 应交材料."""

from __future__ import annotations

from dataclasses import replace

from kunyu.engines.matters.definitions.editions import definition_of, edition_in_use
from kunyu.engines.matters.definitions.matter import Definition, MaterialKind
from kunyu.engines.matters.materials.refusals import refuse
from kunyu.engines.matters.models import Application, Case


def definitions_of(application: Application) -> list[Definition]:
    """The definitions that hold: those its cases started with, before that those in use where the land lies."""
    cases = list(Case.objects.filter(application=application).select_related("edition").order_by("pk"))
    if cases:
        return [definition_of(case.edition) for case in cases]
    return [definition_of(edition_in_use(code, application.division_code)) for code in application.matters]


def kinds_of(application: Application) -> dict[str, MaterialKind]:
    """Kinds by code; what two matters ask for is asked for once, needed when either needs it."""
    found: dict[str, MaterialKind] = {}
    for definition in definitions_of(application):
        for kind in definition.materials:
            known = found.get(kind.code)
            if known is None:
                found[kind.code] = kind
            else:
                formats = tuple(one for one in known.formats if one in kind.formats)
                found[kind.code] = replace(
                    known, is_required=known.is_required or kind.is_required, formats=formats or known.formats,
                    reads=tuple(dict.fromkeys((*known.reads, *kind.reads))),
                )  # fmt: skip
    return found


def kind_of(application: Application, code: str, file_name: str) -> MaterialKind:
    """The kind of a code. Raises BadMaterial with the kinds there are."""
    kinds = kinds_of(application)
    if code not in kinds:
        listed_zh = "、".join(f"{one.code}（{one.name_zh}）" for one in kinds.values()) or "无"
        listed_en = ", ".join(kinds) or "none"
        raise refuse(
            file_name, "kind", f"的材料种类 {code[:60]} 不在本申请的清单中（{listed_zh}）",
            f"is of kind {code[:60]}, which this application does not ask for ({listed_en})", "请选择清单中的一项",
            "Choose one of the list",
        )  # fmt: skip
    return kinds[code]
