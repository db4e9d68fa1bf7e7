"""The guide of a matter: what the public reads before applying, and which of its elements are missing. 办事指南.

Elements after the national list of an implementation inventory (实施清单要素, services.md §1, recalled). What no program
reads stands in ``extra`` under the keys below; docs/reference/matters.md lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.matters.definitions.matter import KINDS, LEVELS, Definition, MaterialKind
from kunyu.engines.pages.words import Pair


@dataclass(frozen=True)
class Line:
    """One line of a part; ``note`` is a quieter second line."""

    text: Pair
    note: Pair = ("", "")


@dataclass(frozen=True)
class Part:
    """One titled part of a guide; without lines the element is not given."""

    code: str
    title: Pair
    lines: tuple[Line, ...]


def guide(definition: Definition) -> list[Part]:
    """The parts of the guide that are given, in the order in which people read them (R-301)."""
    return [one for one in _parts(definition) if one.lines]


def missing_elements(definition: Definition) -> list[Pair]:
    """Elements that a guide must have and this one lacks (R-301, R-302); [] when it is whole."""
    return [one.title for one in _parts(definition) if not one.lines and one.code not in _OPTIONAL]


_OPTIONAL = frozenset({"sub_items"})
_EXTRA: tuple[tuple[str, Pair, str], ...] = (
    ("sub_items", ("办理项", "Situations handled"), "sub_items_zh"),
    ("online", ("网上办理", "Online"), "online_zh"),
    ("agent", ("代办", "Agents"), "agent_zh"),
    ("booking", ("预约办理", "Booking"), "booking_zh"),
    ("delivery", ("送达方式", "Delivery of the result"), "delivery_zh"),
    ("counter", ("是否进驻政务大厅", "At the service hall"), "counter_zh"),
    ("intermediary", ("中介服务", "Intermediary services"), "intermediary_zh"),
    ("sample", ("结果样本", "Sample of the result"), "sample_zh"),
    ("contact", ("咨询与投诉", "Questions and complaints"), "contact_zh"),
)


def _parts(one: Definition) -> list[Part]:
    return [
        Part("kind", ("事项类型", "Kind"), _one((_text(one, "kind_zh") or KINDS[one.kind][0], KINDS[one.kind][1]))),
        Part("levels", ("行使层级", "Level"), _levels(one)),
        Part("basis", ("设定依据", "Legal basis"), tuple(Line((text, text)) for text in one.basis)),
        Part("conditions", ("受理条件", "Conditions"), _conditions(one)),
        Part("materials", ("申请材料", "Materials"), tuple(_material(kind) for kind in one.materials)),
        Part("limit", ("办理时限", "Time limit"), _limit(one)),
        Part("fee", ("收费", "Fee"), _fee(one)),
        Part("steps", ("办理流程", "Steps"), _steps(one)),
        Part("result", ("办理结果", "Result"), _result(one)),
        Part("window", ("办理地点", "Window"), _one((one.window_zh, one.window_zh))),
        *(Part(code, title, _one((_text(one, key), _text(one, key)))) for code, title, key in _EXTRA),
    ]


def _text(one: Definition, key: str) -> str:
    value = one.extra.get(key, "")
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _one(pair: Pair, note: Pair = ("", "")) -> tuple[Line, ...]:
    return (Line((pair[0], pair[1] or pair[0]), note),) if pair[0] else ()


def _levels(one: Definition) -> tuple[Line, ...]:
    zh, en = ("、".join(LEVELS[level][0] for level in one.levels), ", ".join(LEVELS[level][1] for level in one.levels))
    note = "；".join(filter(None, (_text(one, "levels_zh"), _text(one, "authority_zh"))))
    return _one((zh, en), (note, note))


def _conditions(one: Definition) -> tuple[Line, ...]:
    english = [*one.conditions_en, *one.conditions_zh[len(one.conditions_en) :]]
    return tuple(Line((zh, en)) for zh, en in zip(one.conditions_zh, english, strict=False))


def _material(one: MaterialKind) -> Line:
    if one.is_required:
        needed = ("必须提交", "needed")
    elif one.when:
        needed = ("符合条件时提交", "needed under a condition of the form")
    else:
        needed = ("可以提交", "may be given")
    formats = "、".join(one.formats).upper()
    shared = (
        ("；证照库已有的免提交", "; not needed when the register of licences has it") if one.licence_kind else ("", "")
    )
    said_zh, said_en = (
        f"；{one.note_zh}" if one.note_zh else "",
        f"; {one.note_en or one.note_zh}" if one.note_zh else "",
    )
    return Line(
        (one.name_zh, one.name_en),
        (
            f"{needed[0]}；{formats}{shared[0]}{said_zh}",
            f"{needed[1]}; {formats.replace('、', ', ')}{shared[1]}{said_en}",
        ),
    )


def _limit(one: Definition) -> tuple[Line, ...]:
    said = _text(one, "statutory_zh")
    lines = []
    if one.statutory_days is not None:
        lines.append(
            Line((f"法定 {one.statutory_days} 个工作日", f"{one.statutory_days} workdays by law"), (said, said))
        )
    elif said:
        lines.append(Line((f"法定：{said}", f"By law: {said}")))
    if one.promised_days is not None:
        lines.append(Line((f"承诺 {one.promised_days} 个工作日", f"{one.promised_days} workdays promised")))
    return tuple(lines)


def _fee(one: Definition) -> tuple[Line, ...]:
    if one.fee is not None:
        zh = f"{one.fee.name_zh}：{one.fee.amount_zh}"
        return _one((zh, zh), (f"依据 {one.fee.basis}", f"basis: {one.fee.basis}"))
    return _one((_text(one, "free_zh"), "no fee" if _text(one, "free_zh") == "不收费" else ""))


def _steps(one: Definition) -> tuple[Line, ...]:
    return tuple(
        Line(
            (stage.name_zh, stage.name_en),
            (f"{stage.due_workdays} 个工作日", f"{stage.due_workdays} workdays") if stage.due_workdays else ("", ""),
        )
        for stage in one.stages
    )


def _result(one: Definition) -> tuple[Line, ...]:
    years = one.licence_valid_years
    return _one(
        (one.result_zh, one.result_en), (f"有效期 {years} 年", f"valid for {years} years") if years else ("", "")
    )
