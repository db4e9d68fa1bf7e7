"""What must hold of a definition as a whole. 事项定义检查.

Kinds of values are read elsewhere; here stands what one value says about another: promised within statutory, materials
that hang on fields, stages that keep acceptance and decision apart.
"""

from __future__ import annotations

from collections.abc import Collection

from kunyu.engines.documents.errors import BadNumberScheme
from kunyu.engines.documents.numbering import read_scheme
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.form_fields import FormField
from kunyu.engines.matters.definitions.form_schemas import read_fields
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.kernel.identifier_checks import BadIdentifier
from kunyu.kernel.matter_codes import parse_basic_code

ACCEPT, GRANT = "accept", "grant"


def check_definition(one: Definition, place: Place, rules: Collection[str] | None = None) -> None:
    """Refuse a definition that contradicts itself.

    Parameters
    ----------
    rules : ids of the rules that its folder declares; None when that is not known here.

    Raises
    ------
    BadMatter
    """
    _check_codes(one, place)
    _check_days(one, place)
    fields = {field.name: field for field in read_fields(one.form, place.at("form"), one.code)}
    _check_materials(one, place, fields)
    _check_stages(one, place)
    _check_licence(one, place)
    if rules is not None:
        _check_rules(one, place, rules)
    if one.is_complete or one.process or one.stages:
        _check_complete(one, place)


def _check_codes(one: Definition, place: Place) -> None:
    if not one.basic_code:
        return
    try:
        basic = parse_basic_code(one.basic_code)
    except BadIdentifier as error:
        raise bad(place.at("basic_code"), one.basic_code, error.detail_zh.rstrip("。"), error.detail_en.rstrip("."),
                  "按国家事项库填写", "Take it from the national list") from error  # fmt: skip
    if basic.department != "15":
        raise bad(place.at("basic_code"), one.basic_code, f"第5—6位部门代码 {basic.department} 不是自然资源部（15）",
                  f"department {basic.department} is not natural resources (15)", "按国家事项库填写",
                  "Take it from the national list")  # fmt: skip
    if basic.kind != one.kind:
        raise bad(place.at("basic_code"), one.basic_code, f"第3—4位事项类型 {basic.kind} 与 kind {one.kind} 不一致",
                  f"its kind {basic.kind} is not kind {one.kind}", "统一类型与编码", "Let both name one kind")  # fmt: skip


def _check_days(one: Definition, place: Place) -> None:
    if one.statutory_days is not None and one.promised_days is not None and one.promised_days > one.statutory_days:
        raise bad(place.at("promised_days"), one.promised_days, f"承诺时限大于法定时限 {one.statutory_days} 个工作日",
                  f"promises more than the statutory {one.statutory_days} workdays",
                  f"改为不大于 {one.statutory_days}", f"Promise at most {one.statutory_days}")  # fmt: skip


def _check_materials(one: Definition, place: Place, fields: dict[str, FormField]) -> None:
    _each_once(
        place.at("materials"), [material.code for material in one.materials], "材料编码重复", "a code stands twice"
    )
    for number, material in enumerate(one.materials):
        if material.when and (material.when not in fields or fields[material.when].type != "boolean"):
            raise bad(place.at("materials").at(number).at("when"), material.when, "表单中没有这个是否字段",
                      "the form has no such yes-no field", "写表单中的是否字段名", "Name a yes-no field of the form")  # fmt: skip


def _check_stages(one: Definition, place: Place) -> None:
    codes = [stage.code for stage in one.stages]
    _each_once(place.at("stages"), codes, "环节编码重复", "a code stands twice")
    for number, stage in enumerate(one.stages):
        here = place.at("stages").at(number)
        unknown = [code for code in stage.separate_from if code not in codes or code == stage.code]
        if unknown:
            raise bad(here.at("separate_from"), unknown[0], "没有这个环节，或是本环节", "is no other stage of the matter",
                      f"写其他环节：{'、'.join(codes)}", f"Name another stage: {', '.join(codes)}")  # fmt: skip
    _check_separation(one, place)


def _check_separation(one: Definition, place: Place) -> None:
    """受理、审查、决定 by different persons (services.md §2): who decides did not accept."""
    accepting = {stage.code for stage in one.stages if ACCEPT in stage.outcomes}
    for number, stage in enumerate(one.stages):
        mixed = accepting - {stage.code} - set(stage.separate_from)
        if GRANT in stage.outcomes and mixed:
            raise bad(place.at("stages").at(number).at("separate_from"), list(stage.separate_from),
                      f"决定环节须与受理环节 {'、'.join(sorted(mixed))} 由不同的人办理",
                      f"who decides may not have acted at {', '.join(sorted(mixed))}",
                      "在 separate_from 中写上受理环节", "Name the accepting stages in separate_from")  # fmt: skip


def _check_licence(one: Definition, place: Place) -> None:
    if one.number_scheme:
        try:
            read_scheme(one.number_scheme)
        except BadNumberScheme as error:
            raise bad(place.at("number_scheme"), one.number_scheme, error.detail_zh.rstrip("。"),
                      error.detail_en.rstrip("."), "如 用字第{division}{year}XS{sequence:07d}号",
                      "For instance 用字第{division}{year}XS{sequence:07d}号") from error  # fmt: skip
    for key in ("licence_valid_years", "number_scheme"):
        if getattr(one, key) and not one.licence_kind:
            raise bad(place.at(key), getattr(one, key), "没有 licence_kind", "there is no licence_kind",
                      "补上证照种类或删去", "Name the kind of licence or leave this out")  # fmt: skip


def _check_rules(one: Definition, place: Place, known: Collection[str]) -> None:
    """A rule numbered as the folder numbers its own stands there; others are rules of other packs, found at publishing."""
    own = {rule.partition("-")[0] for rule in known}
    for rule in one.rules:
        if rule not in known and rule.partition("-")[0] in own:
            raise bad(place.at("rules"), rule, "文件夹的 rules.py 没有声明这条规则", "rules.py of the folder declares no such rule",
                      "声明它或从清单中去掉", "Declare it or take it off the list")  # fmt: skip


def _check_complete(one: Definition, place: Place) -> None:
    """What can be applied for has a form, a flow, stages, a branch that decides about its cases, and a decision."""
    needed = {"form": one.form, "process": one.process, "stages": one.stages, "branch": one.branch, "basis": one.basis}
    for key, value in needed.items():
        if not value:
            raise bad(place.at(key), None, "可以办理的事项缺少这一项", "a matter that can be applied for needs this",
                      "补上，或去掉 form、process、stages 只作目录条目",
                      "Give it, or leave out form, process and stages for an entry of the catalogue")  # fmt: skip
    if not any(GRANT in stage.outcomes for stage in one.stages):
        raise bad(place.at("stages"), [stage.code for stage in one.stages], "没有作出决定的环节（结果含 grant）",
                  "no stage decides (outcome grant)", "给决定环节写上 grant 与 refuse", "Give the deciding stage grant and refuse")  # fmt: skip


def _each_once(place: Place, codes: list[str], zh: str, en: str) -> None:
    for code in codes:
        if codes.count(code) > 1:
            raise bad(place, code, zh, en, "改名", "Rename one of them")
