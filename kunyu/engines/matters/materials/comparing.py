"""通查通验: are the materials complete, and do they say the same as one another, the form, the applicant and the plot?

Rules MA-01 to MA-08 (services.md §4), asked like every other rule. Each answer names both places. What was not read, or
was read unsurely, is *not checked*: never clear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.materials import facts
from kunyu.engines.matters.materials.concluding import (
    AREA_LIMIT_PERCENT,
    concluded,
    deviation_percent,
    left_open,
    not_stated,
)
from kunyu.engines.matters.materials.statements import (
    AGREES,
    DIFFERS,
    NEAR,
    OTHER,
    SAME,
    SQUARE_METRES,
    UNREAD,
    Expected,
    Found,
    Handed,
    Match,
    handed_in,
    head_of,
    in_unit,
    reading_of,
    same_code,
    same_name,
    same_number,
    same_project_code,
    set_against,
)
from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict
from kunyu.engines.matters.rules.registry import HOUSE_RULE, find_rule, rule

_FORM_AREA = "declared_area_m2"
_TRUE = "《行政许可法》(2019) 第三十一条: 申请人对申请材料实质内容的真实性负责"
_WHOLE = "《行政许可法》(2019) 第三十二条: 申请材料不齐全的一次告知补正"
RULES = ("MA-01", "MA-02", "MA-03", "MA-04", "MA-05", "MA-06", "MA-07", "MA-08")


def compare(
    form: Mapping[str, Any], applicant: Mapping[str, Any], plot_area_m2: float | None,
    materials: Mapping[str, Mapping[str, Any]], *, kinds: Mapping[str, Mapping[str, Any]] | None = None,
    project_code: str = "", project_name: str = "", titles: Mapping[str, Sequence[str]] | None = None,
) -> list[Answer]:  # fmt: skip
    """The answers of MA-01 to MA-08, in this order.

    Parameters
    ----------
    applicant
        ``{"kind", "name", "code_masked"}``; an organisation's code is not masked.
    materials
        By kind, as ``Ask.materials``.
    kinds
        The matter's list, as ``Ask.kinds``.
    titles
        Names of fields of the form, as ``Ask.titles``.
    """
    now = datetime.now(UTC)
    area = None if plot_area_m2 is None else Decimal(str(plot_area_m2))
    ask = Ask(
        "", form, "", now.date(), now, None, area, project_code, applicant, materials=materials, kinds=kinds or {},
        project_name=project_name, titles=titles or {},
    )  # fmt: skip
    return [find_rule(one)(ask) for one in RULES]


# --- complete ---
@rule("MA-01", clause=_WHOLE, weight="document", name_zh="申请材料齐全", name_en="All materials are there")
def materials_are_complete(ask: Ask) -> Answer:
    """Every kind the matter requires, or a field of the form makes necessary, is handed in. 材料齐全."""
    needed = {code: kind for code, kind in ask.kinds.items() if _is_needed(kind, ask.form)}
    missing = [kind for code, kind in needed.items() if code not in ask.materials]
    if missing:
        return conflict(
            f"缺少 {len(missing)} 项材料：{'、'.join(_because_zh(one, ask) for one in missing)}。",
            f"{len(missing)} materials are missing: {', '.join(_because_en(one, ask) for one in missing)}.",
            "请上传缺少的材料，或以本人名下的电子证照代替", "Upload them, or let a licence of the applicant stand in",
            measured=Decimal(len(needed) - len(missing)), limit=Decimal(len(needed)),
        )  # fmt: skip
    return clear(f"应交的 {len(needed)} 项材料已交齐。", f"All {len(needed)} materials required are there.",
                 measured=Decimal(len(needed)), limit=Decimal(len(needed)))  # fmt: skip


def _is_needed(kind: Mapping[str, Any], form: Mapping[str, Any]) -> bool:
    when = str(kind.get("when") or "")
    return bool(form.get(when)) if when else bool(kind.get("is_required", True))


def _because_zh(kind: Mapping[str, Any], ask: Ask) -> str:
    because = f"（因表单中“{ask.title_of(kind['when'])[0]}”为是）" if kind.get("when") else ""
    return f"“{kind['name_zh']}”{because}"


def _because_en(kind: Mapping[str, Any], ask: Ask) -> str:
    because = f" (the form says yes to '{ask.title_of(kind['when'])[1]}')" if kind.get("when") else ""
    return f"{kind.get('name_en') or kind['name_zh']}{because}"


@rule(
    "MA-02", clause=_TRUE, weight="warn", name_zh="不同材料不是同一个文件", name_en="Each material is a file of its own"
)
def materials_are_different_files(ask: Ask) -> Answer:
    """One file handed in under two kinds is rarely meant. 材料重复."""
    by_content: dict[str, list[Handed]] = {}
    for one in handed_in(ask.kinds, ask.materials):
        by_content.setdefault(one.sm3, []).append(one)
    twice = [ones for ones in by_content.values() if len(ones) > 1]
    if not twice:
        return clear(
            f"{len(ask.materials)} 项材料的文件各不相同。", f"The {len(ask.materials)} materials are different files."
        )
    zh = "；".join("、".join(f"“{one.name_zh}”（{one.file_name}）" for one in ones) for ones in twice)
    en = "; ".join(" = ".join(f"{one.name_en} ({one.file_name})" for one in ones) for ones in twice)
    return conflict(f"同一个文件作了不同材料：{zh}。", f"One file is handed in as several materials: {en}.",
                    "请核对并上传正确的文件", "Check and upload the right file")  # fmt: skip


# --- the same everywhere ---
@rule("MA-03", clause=_TRUE, weight="document", name_zh="申请人名称一致", name_en="The applicant's name is the same")
def applicant_names_agree(ask: Ask) -> Answer:
    """The applicant's name in materials is that of the application, brackets, width and spaces aside. 申请人名称."""
    return _consistent(
        ask,
        facts.APPLICANT_NAME,
        _applied(str(ask.applicant.get("name") or "")),
        same_name,
        "申请人名称",
        "applicant's name",
    )


@rule("MA-04", clause=_TRUE, weight="document", name_zh="申请人代码一致", name_en="The applicant's code is the same")
def applicant_codes_agree(ask: Ask) -> Answer:
    """Credit code, or citizen id as masked, in materials is the applicant's, and its check character holds. 申请人代码."""
    is_person = ask.applicant.get("kind") == "person"
    names = (facts.CITIZEN_ID,) if is_person else (facts.APPLICANT_CODE,)
    wanted = _applied(str(ask.applicant.get("code_masked") or ""))
    label = ("公民身份号码（脱敏）", "citizen id (masked)") if is_person else ("统一社会信用代码", "credit code")
    return _consistent(ask, facts.APPLICANT_CODE, wanted, same_code, *label, names=names)


@rule("MA-05", clause=_TRUE, weight="document", name_zh="项目名称一致", name_en="The project's name is the same")
def project_names_agree(ask: Ask) -> Answer:
    """The project's name is the same in all materials and the application. 项目名称."""
    return _consistent(ask, facts.PROJECT_NAME, _applied(ask.project_name), same_name, "项目名称", "project name")


@rule("MA-06", clause=_TRUE, weight="document", name_zh="项目代码一致", name_en="The project's code is the same")
def project_codes_agree(ask: Ask) -> Answer:
    """The project's code is the same in all materials and the application. 投资项目代码."""
    return _consistent(
        ask, facts.PROJECT_CODE, _applied(ask.project_code), same_project_code, "投资项目代码", "project code"
    )


@rule(
    "MA-07", clause=f"{_TRUE}；相差不超过 1 % 是{HOUSE_RULE}", weight="document", fields=(_FORM_AREA,), name_zh="用地面积一致",
    name_en="The area is the same",
)  # fmt: skip
def areas_agree(ask: Ask) -> Answer:
    """Areas of the whole plot in materials and form are that of the plot within 1 %. 用地面积."""
    declared = _number(ask.form.get(_FORM_AREA))
    expected = [Expected(str(ask.area_m2), "用地范围", "the plot", SQUARE_METRES)] if ask.area_m2 else []
    found: list[Found] = []
    if declared is not None:
        if expected:
            found.append(_form_area(declared, expected[0]))
        else:
            expected = [Expected(str(declared), "申请表", "the form", SQUARE_METRES)]
    answer = _consistent(ask, facts.AREA, expected, _same_area, "用地面积", "area", more=found)
    return answer


def _form_area(declared: Decimal, plot: Expected) -> Found:
    fact = {
        "name": facts.AREA,
        "value": str(declared),
        "written": in_unit(str(declared), SQUARE_METRES),
        "page": 1,
        "confidence": 1.0,
        "source": "form",
        "is_total": True,
    }
    form = Handed("form", "申请表（填报）", "the form", "", "", "text", (fact,), True)
    verdict = AGREES if _same_area(fact, plot.value) == SAME else DIFFERS
    return Found(verdict, form, plot, fact)


def _same_area(fact: Mapping[str, Any], expected: str) -> Match:
    """Within 1 %. An area whose label does not say that it is the whole plot's may be another one."""
    if deviation_percent(str(fact["value"]), expected) <= AREA_LIMIT_PERCENT:
        return SAME
    return OTHER if fact.get("is_total") else NEAR


@rule(
    "MA-08", clause=_TRUE, weight="document", name_zh="前序文书编号一致", name_en="Numbers of earlier documents agree"
)
def earlier_numbers_agree(ask: Ask) -> Answer:
    """The number of an earlier document in the form is that of the document handed in. 前序文书编号."""
    handed = handed_in(ask.kinds, ask.materials)
    found: list[Found] = []
    for field, materials in _numbered(ask, handed):
        number = str(ask.form[field]).strip()
        for one in materials:
            stated = [fact for fact in one.facts_named(facts.NUMBER) if head_of(str(fact["value"])) == head_of(number)]
            zh, en = ask.title_of(field)
            found.append(set_against(one, Expected(number, f"申请表“{zh}”", f"the form ({en})"), stated, same_number))
    if not found:
        return clear("申请表没有需要与材料核对的前序文书编号。", "The form names no number to compare with materials.")
    return concluded(found, "前序文书编号", "number of the earlier document")


def _numbered(ask: Ask, handed: Iterable[Handed]) -> list[tuple[str, list[Handed]]]:
    """Fields of the form that a material is said to state and that are none of the facts above, when filled in."""
    ours = {facts.APPLICANT_NAME, facts.APPLICANT_CODE, facts.PROJECT_NAME, facts.PROJECT_CODE, facts.AREA}
    fields = {name for kind in ask.kinds.values() for name in kind.get("reads", ()) if name.endswith("_number")} - ours
    handed = list(handed)
    return [
        (name, [one for one in handed if name in ask.kinds.get(one.kind, {}).get("reads", ())])
        for name in sorted(fields)
        if str(ask.form.get(name) or "").strip()
    ]


# --- one answer of what all materials do ---
def _applied(value: str) -> list[Expected]:
    return [Expected(value, "申请信息", "the application")] if value else []


def _consistent(
    ask: Ask, name: str, expected: list[Expected], match: Callable[[Mapping[str, Any], str], Match], zh: str, en: str,
    *, names: tuple[str, ...] = (), more: Iterable[Found] = (),
) -> Answer:  # fmt: skip
    """Set every material that states a fact against what is expected; without an expectation, against the first."""
    materials = reading_of(name, ask.kinds, handed_in(ask.kinds, ask.materials))
    stated = {one.kind: _candidates(one, names or (name,)) for one in materials}
    expected = expected or _of_first(materials, stated)
    found = [*more, *(
        set_against(handed, wanted, stated[handed.kind], match) for handed in materials for wanted in expected
    )]  # fmt: skip
    if not found:
        unread = [] if materials or _is_declared(name, ask.kinds) else _unread(ask)
        if unread:
            return _unread_answer(unread, zh, en)
        if not materials:
            return clear(f"没有载明{zh}的材料需要核对。", f"No material states the {en}.")
        return not_stated(f"申请信息与材料都没有{zh}，未核对。", f"Nothing states the {en}: not checked.")
    return concluded(found, zh, en)


def _is_declared(name: str, kinds: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the matter's list says of any material that it states the fact."""
    return any(name in kind.get("reads", ()) for kind in kinds.values())


def _unread(ask: Ask) -> list[Handed]:
    """Materials not read whole: where the list does not say which of them state a fact, any of these may."""
    return [one for one in handed_in(ask.kinds, ask.materials) if one.reading != "text" or not one.is_whole]


def _unread_answer(unread: list[Handed], zh: str, en: str) -> Answer:
    return left_open([Found(UNREAD, one, Expected("", "申请信息", "the application")) for one in unread], zh, en)


def _candidates(handed: Handed, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """What of a material may be meant: of areas those of the whole plot, where it names any."""
    stated = handed.facts_named(*names)
    return [one for one in stated if one.get("is_total")] or stated


def _of_first(materials: list[Handed], stated: Mapping[str, list[Mapping[str, Any]]]) -> list[Expected]:
    for one in materials:
        for fact in stated[one.kind]:
            if fact["source"] != "ocr":
                place = f"材料“{one.name_zh}”第 {fact['page']} 页", f"material {one.name_en}, page {fact['page']}"
                return [Expected(str(fact["value"]), *place, SQUARE_METRES if fact["name"] == facts.AREA else "")]
    return []


def _number(value: Any) -> Decimal | None:
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() and found > 0 else None
