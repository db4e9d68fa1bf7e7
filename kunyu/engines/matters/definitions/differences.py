"""What differs between two editions, element by element, for a person who decides. 版本差异."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from kunyu.engines.matters.definitions.canonical import to_json
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.pages.words import Pair

Kind = Literal["added", "removed", "changed"]
WORDS: Mapping[str, Pair] = {
    "code": ("编码", "Code"), "name_zh": ("名称", "Name"), "name_en": ("英文名称", "English name"),
    "kind": ("类型", "Kind"), "basis": ("设定依据", "Basis"), "levels": ("行使层级", "Levels"),
    "basic_code": ("基本编码", "Basic code"), "branch": ("数据分支", "Branch"),
    "statutory_days": ("法定时限（工作日）", "Statutory limit (workdays)"),
    "promised_days": ("承诺时限（工作日）", "Promised limit (workdays)"), "conditions_zh": ("受理条件", "Conditions"),
    "conditions_en": ("受理条件（英文）", "Conditions in English"), "materials": ("申请材料", "Materials"),
    "stages": ("环节", "Stages"), "fee": ("收费", "Fee"), "window_zh": ("办理地点", "Window"),
    "result_zh": ("办理结果", "Result"), "result_en": ("办理结果（英文）", "Result in English"),
    "licence_kind": ("证照种类", "Kind of licence"), "licence_valid_years": ("证照有效期（年）", "Validity (years)"),
    "number_scheme": ("证号规则", "Number scheme"), "needs_plot": ("须有地块", "Needs a plot"),
    "needs_project": ("须有项目", "Needs a project"), "form": ("表单", "Form"), "process": ("流程编号", "Process"),
    "rules": ("核验规则", "Rules"), "templates": ("文书模板", "Templates"), "zones": ("网络分区", "Zones"),
    "is_complete": ("可以办理", "Can be applied for"), "is_verified": ("已核对", "Verified"),
    "extra": ("其他要素", "Other elements"), "flow": ("流程图", "Flow"), "decisions": ("决策表", "Decision tables"),
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One element that differs. ``what`` names the part of it (a material, a field, a stage), '' for the whole."""

    key: str
    title: Pair
    what: Pair
    kind: Kind
    before: str = ""
    after: str = ""


def difference(older: Content, newer: Content) -> list[Difference]:
    """What ``newer`` says otherwise than ``older``, in the order of the elements; [] when they say the same."""
    before, after = to_json(older.definition), to_json(newer.definition)
    found: list[Difference] = []
    for one in fields(Definition):
        if before.get(one.name) == after.get(one.name):
            continue
        if one.name in ("materials", "stages"):
            found += _by_code(one.name, before.get(one.name, ()), after.get(one.name, ()))
        elif one.name == "form":
            found += _of_forms(older.definition, newer.definition)
        elif one.name in ("templates", "extra"):
            found += _of_tables(one.name, before.get(one.name, {}), after.get(one.name, {}))
        else:
            found.append(_whole(one.name, before.get(one.name), after.get(one.name)))
    if older.flow != newer.flow:
        found.append(Difference("flow", WORDS["flow"], ("", ""), "changed"))
    return found + _of_files(older.tables, newer.tables)


def _whole(key: str, before: Any, after: Any) -> Difference:
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    return Difference(key, WORDS[key], ("", ""), kind, _shown(before), _shown(after))


def _by_code(key: str, before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> list[Difference]:
    old, new = ({one["code"]: one for one in side} for side in (before, after))
    names = {code: (one["name_zh"], one["name_en"]) for side in (old, new) for code, one in side.items()}
    found = _keyed(key, old, new, lambda code: names[code])
    if not found:  # the same parts in another order
        found = [Difference(key, WORDS[key], ("", ""), "changed", "、".join(old), "、".join(new))]
    return found


def _of_forms(older: Definition, newer: Definition) -> list[Difference]:
    old, new = ({one.name: one for one in fields_of(side)} for side in (older, newer))
    names = {name: (one.title_zh, one.title_en) for side in (old, new) for name, one in side.items()}
    before, after = ({name: _field(one) for name, one in side.items()} for side in (old, new))
    return _keyed("form", before, after, lambda name: names[name]) or [
        Difference("form", WORDS["form"], ("", ""), "changed", "、".join(old), "、".join(new))
    ]


def _field(one: Any) -> dict[str, Any]:
    """The field without its place: a new field at the top changes none of the others."""
    return {key: value for key, value in one.schema().items() if key != "x-order"} | {"required": one.is_required}


def _of_tables(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return _keyed(key, before, after, lambda name: (name, name))


def _of_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    old, new = (dict.fromkeys(side, "") for side in (before, after))
    changed = [name for name in before if name in after and before[name] != after[name]]
    return [
        *_keyed("decisions", old, new, lambda name: (name, name)),
        *(Difference("decisions", WORDS["decisions"], (name, name), "changed") for name in changed),
    ]


def _keyed(key: str, before: Mapping[str, Any], after: Mapping[str, Any], named: Any) -> list[Difference]:
    found = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        kind: Kind = "added" if name not in before else "removed" if name not in after else "changed"
        if kind == "changed" and isinstance(old, Mapping) and isinstance(new, Mapping):
            keys = [one for one in dict.fromkeys((*old, *new)) if old.get(one) != new.get(one)]
            old, new = ({one: side[one] for one in keys if one in side} for side in (old, new))
        found.append(Difference(key, WORDS[key], named(name), kind, _shown(old), _shown(new)))
    return found


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Mapping):
        return "；".join(f"{key} = {_shown(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "、".join(_shown(one) for one in value)
    return str(value)
