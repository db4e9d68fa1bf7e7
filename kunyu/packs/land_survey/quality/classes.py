"""Rules between the land class of a parcel and its other attributes: Q501 to Q503, Q510 to Q517. 地类与属性的一致性.

Codes are compared by their leading digits, so that suffix variants (0301K, 08H2A) follow their class. Blank codes are
left to Q203 and unknown ones to Q206: a rule here speaks only about values it can read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Rule, rule
from kunyu.packs.land_survey.quality.areas import parcels_with

CULTIVATED = "01"
RIDGE = "1203"
SLOPES_WITH_RIDGES = ("2", "3", "4", "5")
TERRACE_OR_SLOPE = ("TT", "PD")
ONLY_CULTIVATED = ("KCDLBM", "KCXS", "GDLX", "GDPDJB", "GDDB")
NEEDED_WHEN_CULTIVATED = ("GDPDJB", "GDDB", "ZZSXDM")

BUILT_UP = ("05H1", "0508", "0601", "0701", "0702", "08H1", "08H2", "0809", "0810", "1004", "1005", "1201")
"""Classes that lie in a settlement; the facts end their list with an ellipsis, so these are the ones they name."""
MINING_AND_SALT, MINING_MARK = ("0602", "0603"), "204"
SPECIAL, SPECIAL_MARK = "09", "205"
URBAN_HOUSING, RURAL_HOUSING = "0701", "0702"
CITY_AND_TOWN, VILLAGE = ("201", "202"), "203"

DETAIL_CLASS = {
    **dict.fromkeys(("HDGD", "HQGD", "LQGD", "MQGD", "SHGD", "SMGD"), "01"),
    "LQYD": "02",
    "GCCD": "04",
    **dict.fromkeys(("HDGY", "GTGY", "MTGY", "SNGY", "BLGY", "DLGY"), "0601"),
}
"""Land class that a refinement code (TBXHDM) belongs to."""
PLANTING = ("LS", "FLS", "LYFL", "XG", "LLJZ", "WG")
RESTORABLE = ("JKHF", "GCHF")

COLLECTIVE = ("30", "31", "32", "34", "40", "41")
"""QSXZ of village collectives; 33 is the township's."""
STATE_OWNED_AS_A_RULE = ("1001", "1003", "1101")
LINEAR = ("1001", "1002", "1003", "1004", "1006", "1009", "1107")

Mask = NDArray[np.bool_]


def _text(layer: DeliveredLayer, field: str) -> pd.Series:
    """A text column without blanks around, '' where null."""
    if not layer.has(field):
        return pd.Series("", index=range(len(layer)), dtype="string[pyarrow]")
    return layer.texts(field).astype("string[pyarrow]").fillna("").str.strip()


def _starts(texts: pd.Series, classes: Iterable[str]) -> Mask:
    found = np.zeros(len(texts), bool)
    for one in classes:
        found |= texts.str.startswith(one).to_numpy(dtype=bool)
    return found


def _is(texts: pd.Series, values: Sequence[str]) -> Mask:
    return np.asarray(texts.isin(list(values)).to_numpy(dtype=bool))


def _filled(layer: DeliveredLayer, field: str) -> Mask:
    """Neither null nor blank nor zero: numbers that do not apply are delivered as 0 or left out."""
    if not layer.has(field):
        return np.zeros(len(layer), bool)
    if field in ("KCXS", "GDDB", "XZDWKD"):
        return np.asarray(layer.numbers(field, missing=0.0) > 0)
    texts = _text(layer, field)
    return np.asarray(((texts != "") & (texts != "0")).to_numpy(dtype=bool))


def _report(
    this: Rule, delivery: Delivered, layer: DeliveredLayer, wrong: Mask, field: str, wanted: str, wanted_en: str,
    remedy: str,
) -> Iterator[Finding]:  # fmt: skip
    """One finding per wrong row, saying class, value and what the rule wants."""
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    classes, values = _text(layer, "DLBM"), _shown(layer, field)
    yield from Reporter(this, delivery, layer).rows(
        rows, measured=[values[row] for row in rows], limit=wanted,
        zh=[f"{layer.code} {layer.ids[row]}: 地类 {classes[row]}, {field} 为“{values[row]}”, {wanted}" for row in rows],
        en=[f"{layer.code} {layer.ids[row]}: class {classes[row]}, {field} is “{values[row]}”; {wanted_en}" for row in rows],
        remedy=remedy,
    )  # fmt: skip


def _shown(layer: DeliveredLayer, field: str) -> list[str]:
    if not layer.has(field):
        return [""] * len(layer)
    return [("" if value is None else str(value)) for value in layer.arrow(field).to_pylist()]


@rule(
    "Q501", clause="TD/T 1055-2019 田坎扣除", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="有扣除系数的是坡耕地或梯田", name_en="A deduction belongs to sloping or terraced fields",
)  # fmt: skip
def deduction_belongs_to_sloping_fields(delivery: Delivered) -> Iterator[Finding]:
    """KCXS > 0 only where DLBM is 01xx, KCDLBM is 1203, GDPDJB is 2 to 5 and GDLX is TT or PD."""
    for layer in parcels_with(delivery, "DLBM", "KCXS"):
        deducts = layer.numbers("KCXS", missing=0.0) > 0
        for field, good, wanted, wanted_en in (
            ("DLBM", _starts(_text(layer, "DLBM"), (CULTIVATED,)), "有系数时应为耕地 01xx", "with a coefficient it is 01xx"),
            ("KCDLBM", _is(_text(layer, "KCDLBM"), (RIDGE,)), "有系数时应为 1203", "with a coefficient it is 1203"),
            ("GDPDJB", _is(_text(layer, "GDPDJB"), SLOPES_WITH_RIDGES), "有系数时应为 2–5", "with a coefficient it is 2 to 5"),
            ("GDLX", _is(_text(layer, "GDLX"), TERRACE_OR_SLOPE), "有系数时应为 TT 或 PD", "with a coefficient it is TT or PD"),
        ):  # fmt: skip
            yield from _report(
                deduction_belongs_to_sloping_fields, delivery, layer, deducts & ~good, field, wanted, wanted_en,
                "核对扣除系数与地类、坡度级别、耕地类型",
            )  # fmt: skip


@rule(
    "Q502", clause="TD/T 1055-2019 田坎扣除", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="非耕地不填耕地属性", name_en="Attributes of cultivated land stay empty elsewhere",
)  # fmt: skip
def other_classes_have_no_field_attributes(delivery: Delivered) -> Iterator[Finding]:
    """Where DLBM is not 01xx, KCDLBM, KCXS, GDLX, GDPDJB and GDDB are empty or 0."""
    for layer in parcels_with(delivery, "DLBM"):
        classes = _text(layer, "DLBM")
        other = ~_starts(classes, (CULTIVATED,)) & np.asarray((classes != "").to_numpy(dtype=bool))
        for field in ONLY_CULTIVATED:
            yield from _report(
                other_classes_have_no_field_attributes, delivery, layer, other & _filled(layer, field), field,
                "非耕地应为空", "must be empty outside cultivated land", f"清空 {field}, 或改正地类",
            )  # fmt: skip


@rule(
    "Q503", clause="TD/T 1057-2020 地类图斑 约束条件", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="耕地的坡度级别、等别、种植属性必填", name_en="Cultivated land states slope class, grade and planting",
)  # fmt: skip
def cultivated_land_is_described(delivery: Delivered) -> Iterator[Finding]:
    """Where DLBM is 01xx, GDPDJB, GDDB and ZZSXDM have a value."""
    for layer in parcels_with(delivery, "DLBM"):
        fields = _starts(_text(layer, "DLBM"), (CULTIVATED,))
        for field in NEEDED_WHEN_CULTIVATED:
            if layer.has(field):
                yield from _report(
                    cultivated_land_is_described, delivery, layer, fields & ~_filled(layer, field), field,
                    "耕地必填", "cultivated land needs a value", f"补填 {field}",
                )  # fmt: skip


@rule(
    "Q510", clause="TD/T 1055-2019 城镇村属性", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="建设用地有城镇村属性码", name_en="Built-up parcels bear the mark of their settlement",
)  # fmt: skip
def settlements_are_marked(delivery: Delivered) -> Iterator[Finding]:
    """Built-up classes have a CZCSXM; 0602 and 0603 have 204, 09 has 205."""
    for layer in parcels_with(delivery, "DLBM", "CZCSXM"):
        classes, marks = _text(layer, "DLBM"), _text(layer, "CZCSXM")
        empty = np.asarray((marks == "").to_numpy(dtype=bool))
        for wrong, wanted, wanted_en in (
            (_starts(classes, BUILT_UP) & empty, "应填城镇村属性码", "a mark is needed"),
            (_starts(classes, MINING_AND_SALT) & ~_is(marks, (MINING_MARK,)), "应为 204", "it is 204"),
            (_starts(classes, (SPECIAL,)) & ~_is(marks, (SPECIAL_MARK,)), "应为 205", "it is 205"),
        ):
            yield from _report(
                settlements_are_marked, delivery, layer, wrong, "CZCSXM", wanted, wanted_en, "补填或改正 CZCSXM"
            )


@rule(
    "Q511", clause="TD/T 1055-2019 城镇村属性", severity="W", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="住宅用地与城镇村属性相符", name_en="Housing fits the kind of settlement",
)  # fmt: skip
def housing_fits_its_settlement(delivery: Delivered) -> Iterator[Finding]:
    """0701 stands in a city or town (201, 202), 0702 in a village (203; in an urban village it is asked about)."""
    for layer in parcels_with(delivery, "DLBM", "CZCSXM"):
        classes, marks = _text(layer, "DLBM"), _text(layer, "CZCSXM")
        marked = np.asarray((marks != "").to_numpy(dtype=bool))
        rural = _starts(classes, (RURAL_HOUSING,)) & marked
        for wrong, wanted, wanted_en in (
            (_starts(classes, (URBAN_HOUSING,)) & marked & ~_is(marks, CITY_AND_TOWN), "应为 201 或 202", "it is 201 or 202"),
            (rural & _is(marks, CITY_AND_TOWN), "一般为 203, 城中村请核实", "usually 203; confirm an urban village"),
            (rural & ~_is(marks, (*CITY_AND_TOWN, VILLAGE)), "应为 203", "it is 203"),
        ):  # fmt: skip
            yield from _report(
                housing_fits_its_settlement, delivery, layer, wrong, "CZCSXM", wanted, wanted_en, "核对地类与城镇村属性"
            )


@rule(
    "Q512", clause="TD/T 1057-2020 图斑细化代码", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="图斑细化代码与地类相符", name_en="A refinement belongs to its land class",
)  # fmt: skip
def refinement_fits_the_class(delivery: Delivered) -> Iterator[Finding]:
    """HDGD, HQGD, LQGD, MQGD, SHGD, SMGD with 01xx, LQYD with 02xx, GCCD with 04xx, the six industries with 0601."""
    for layer in parcels_with(delivery, "DLBM", "TBXHDM"):
        classes, codes = _text(layer, "DLBM"), _text(layer, "TBXHDM")
        for start in sorted(set(DETAIL_CLASS.values())):
            named = [code for code, of in DETAIL_CLASS.items() if of == start]
            wrong = _is(codes, named) & ~_starts(classes, (start,)) & np.asarray((classes != "").to_numpy(dtype=bool))
            yield from _report(
                refinement_fits_the_class, delivery, layer, wrong, "TBXHDM", f"只用于 {start} 类", f"only with {start}",
                "改正 TBXHDM 或地类",
            )  # fmt: skip


@rule(
    "Q513", clause="TD/T 1057-2020 种植属性代码", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="种植属性与地类相符", name_en="Planting fits the land class",
)  # fmt: skip
def planting_fits_the_class(delivery: Delivered) -> Iterator[Finding]:
    """LS, FLS, LYFL, XG, LLJZ, WG only with 01xx; JKHF, GCHF only with other classes."""
    for layer in parcels_with(delivery, "DLBM", "ZZSXDM"):
        classes, codes = _text(layer, "DLBM"), _text(layer, "ZZSXDM")
        fields, known = _starts(classes, (CULTIVATED,)), np.asarray((classes != "").to_numpy(dtype=bool))
        for wrong, wanted, wanted_en in (
            (_is(codes, PLANTING) & ~fields & known, "只用于耕地 01xx", "only with 01xx"),
            (_is(codes, RESTORABLE) & fields, "只用于非耕地", "only outside cultivated land"),
        ):
            yield from _report(
                planting_fits_the_class, delivery, layer, wrong, "ZZSXDM", wanted, wanted_en, "改正 ZZSXDM 或地类"
            )


@rule(
    "Q514", clause="TD/T 1057-2020 权属性质", severity="W", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="集体土地的权属单位是村集体", name_en="Collective land belongs to a village",
)  # fmt: skip
def collective_land_belongs_to_a_village(delivery: Delivered) -> Iterator[Finding]:
    """QSXZ 30, 31, 32, 34, 40, 41: QSDWDM names a village (digits 10 to 12 not 000). Railways, roads and rivers
    (1001, 1003, 1101) under a collective right are asked about."""
    for layer in parcels_with(delivery, "QSXZ", "QSDWDM"):
        rights, owners = _text(layer, "QSXZ"), _text(layer, "QSDWDM")
        collective = _is(rights, COLLECTIVE)
        long_enough = np.asarray((owners.str.len() >= 12).to_numpy(dtype=bool))
        no_village = np.asarray((owners.str.slice(9, 12) == "000").to_numpy(dtype=bool))
        yield from _report(
            collective_land_belongs_to_a_village, delivery, layer, collective & long_enough & no_village, "QSDWDM",
            "集体土地应为村级单位代码", "collective land names a village", "核对权属性质与权属单位代码",
        )  # fmt: skip
        odd = collective & _starts(_text(layer, "DLBM"), STATE_OWNED_AS_A_RULE)
        yield from _report(
            collective_land_belongs_to_a_village, delivery, layer, odd, "QSXZ", "此地类一般为国有, 请核实",
            "this class is state-owned as a rule: confirm", "核实权属性质",
        )  # fmt: skip


@rule(
    "Q515", clause="TD/T 1057-2020 飞入地标识", severity="Q", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="飞入地标识与权属、坐落相符", name_en="The mark of an enclave agrees with owner and place",
)  # fmt: skip
def enclaves_are_marked(delivery: Delivered) -> Iterator[Finding]:
    """FRDBS is 1 exactly where the county of QSDWDM is not that of ZLDWDM."""
    for layer in parcels_with(delivery, "FRDBS", "QSDWDM", "ZLDWDM"):
        owners, places = _text(layer, "QSDWDM").str.slice(0, 6), _text(layer, "ZLDWDM").str.slice(0, 6)
        readable = np.asarray(((owners.str.len() == 6) & (places.str.len() == 6)).to_numpy(dtype=bool))
        flown_in = np.asarray((owners != places).to_numpy(dtype=bool))
        marks = _text(layer, "FRDBS")
        for wrong, wanted, wanted_en in (
            (readable & flown_in & ~_is(marks, ("1",)), "权属单位在外县, 应为 1", "the owner is in another county: 1"),
            (
                readable & ~flown_in & _is(marks, ("1",)),
                "权属与坐落同县, 应为 0",
                "owner and place share the county: 0",
            ),
        ):
            yield from _report(
                enclaves_are_marked, delivery, layer, wrong, "FRDBS", wanted, wanted_en, "核对飞入地标识与单位代码"
            )


@rule(
    "Q516", clause="TD/T 1057-2020 描述说明、海岛名称", severity="Q", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="海岛图斑有海岛名称", name_en="Parcels on islands name their island",
)  # fmt: skip
def islands_are_named(delivery: Delivered) -> Iterator[Finding]:
    """MSSM is 01 exactly where HDMC has a value. That the parcel lies on an island polygon is not asked here."""
    for layer in parcels_with(delivery, "MSSM"):
        island, named = _is(_text(layer, "MSSM"), ("01",)), _filled(layer, "HDMC")
        for wrong, field, wanted, wanted_en in (
            (island & ~named, "HDMC", "海岛图斑应填海岛名称", "a parcel on an island names it"),
            (~island & named, "MSSM", "有海岛名称时应为 01", "with the name of an island it is 01"),
        ):
            yield from _report(islands_are_named, delivery, layer, wrong, field, wanted, wanted_en, "核对 MSSM 与 HDMC")


@rule(
    "Q517", clause="TD/T 1057-2020 线状地物宽度", severity="Q", scope="F", unit="m", needs=("DLTB|DLTBGX",),
    name_zh="线状地类有宽度", name_en="Linear classes state their width",
)  # fmt: skip
def linear_classes_state_their_width(delivery: Delivered) -> Iterator[Finding]:
    """XZDWKD > 0 for 1001, 1002, 1003, 1004, 1006, 1009, 1107 and 1107A."""
    for layer in parcels_with(delivery, "DLBM", "XZDWKD"):
        linear = _starts(_text(layer, "DLBM"), LINEAR)
        yield from _report(
            linear_classes_state_their_width, delivery, layer, linear & ~_filled(layer, "XZDWKD"), "XZDWKD",
            "应大于 0", "must be above 0", "补填线状地物宽度",
        )  # fmt: skip
