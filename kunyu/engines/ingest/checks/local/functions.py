"""The functions a local rule set may name without writing Python. 地方规则可用的检查函数.

Each takes an ``Ask`` and yields findings; ``VALUES`` says which values its TOML entry must and may have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import DeliveredLayer
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.local.ask import Ask, Check, Rows
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.coverage import significant_parts
from kunyu.kernel.geometry.prepared import prepared
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M


@dataclass(frozen=True)
class Values:
    """Values of a TOML entry: name → type, those that must be there and those that may."""

    needed: dict[str, type | tuple[type, ...]]
    allowed: dict[str, type | tuple[type, ...]]
    fields: tuple[str, ...] = ()
    """Values that name one field of the layer, or a list of them."""
    layers: tuple[str, ...] = ()
    """Values that name another layer of the standard."""
    patterns: tuple[str, ...] = ()
    """Values that are regular expressions."""


def filled(ask: Ask) -> Iterator[Finding]:
    """Every one of ``fields`` is filled: not null, not blank."""
    for code in ask.values["fields"]:
        text = pc.utf8_trim_whitespace(_text(ask, code))
        rows = _rows(ask, pc.fill_null(pc.equal(text, ""), True))
        yield from ask.report.rows(
            rows, measured="空", limit="非空", unit="",
            zh=[f"{ask.layer.code} {one}: {code} 为空" for one in ask.ids(rows)],
            en=[f"{ask.layer.code} {one}: {code} is empty" for one in ask.ids(rows)],
            remedy=ask.remedy_zh or f"填写 {code}",
        )  # fmt: skip


def one_of(ask: Ask) -> Iterator[Finding]:
    """``field`` has one of ``values``; an empty field is passed over."""
    code, values = ask.values["field"], [str(one) for one in ask.values["values"]]
    text = _text(ask, code)
    rows = _rows(ask, pc.fill_null(pc.invert(pc.is_in(text, value_set=pa.array(values, pa.string()))), False), text)
    given = _given(ask, code, rows)
    limit = " ".join(values[:12]) + (" …" if len(values) > 12 else "")
    yield from ask.report.rows(
        rows, measured=given, limit=limit, unit="",
        zh=[f"{ask.layer.code} {one}: {code} 为 {value}, 应为 {limit} 之一"
            for one, value in zip(ask.ids(rows), given, strict=True)],
        en=[f"{ask.layer.code} {one}: {code} is {value}, should be one of {limit}"
            for one, value in zip(ask.ids(rows), given, strict=True)],
        remedy=ask.remedy_zh or f"改正 {code}",
    )  # fmt: skip


def matches(ask: Ask) -> Iterator[Finding]:
    """``field`` matches the regular expression ``pattern`` (RE2) from end to end; an empty field is passed over."""
    code, pattern = ask.values["field"], ask.values["pattern"]
    text = _text(ask, code)
    wrong = pc.invert(pc.match_substring_regex(text, f"^(?:{pattern})$"))
    rows = _rows(ask, pc.fill_null(wrong, False), text)
    given = _given(ask, code, rows)
    yield from ask.report.rows(
        rows, measured=given, limit=pattern, unit="",
        zh=[f"{ask.layer.code} {one}: {code} 为 {value}, 不符合 {pattern}"
            for one, value in zip(ask.ids(rows), given, strict=True)],
        en=[f"{ask.layer.code} {one}: {code} is {value}, which does not match {pattern}"
            for one, value in zip(ask.ids(rows), given, strict=True)],
        remedy=ask.remedy_zh or f"按规定格式改写 {code}",
    )  # fmt: skip


def within(ask: Ask) -> Iterator[Finding]:
    """The number ``field`` lies between ``minimum`` and ``maximum`` (either may be left out), ends included."""
    code, least, most = ask.values["field"], ask.values.get("minimum"), ask.values.get("maximum")
    numbers = ask.layer.numbers(code)[ask.rows]
    wrong = np.zeros(len(numbers), bool)
    if least is not None:
        wrong |= numbers < least
    if most is not None:
        wrong |= numbers > most
    rows = ask.rows[wrong]
    limit = f"{'' if least is None else f'{least:g} ≤ '}{code}{'' if most is None else f' ≤ {most:g}'}"
    yield from ask.report.rows(
        rows, measured=numbers[wrong].tolist(), limit=limit, unit=str(ask.values.get("unit", "")),
        zh=[f"{ask.layer.code} {one}: {code} = {value:g}, 应 {limit}"
            for one, value in zip(ask.ids(rows), numbers[wrong], strict=True)],
        en=[f"{ask.layer.code} {one}: {code} = {value:g}, should be {limit}"
            for one, value in zip(ask.ids(rows), numbers[wrong], strict=True)],
        remedy=ask.remedy_zh or f"改正 {code}",
    )  # fmt: skip


def unique(ask: Ask) -> Iterator[Finding]:
    """No two rows have the same values in ``fields``; rows where all are empty are passed over."""
    fields = ask.values["fields"]
    table = pa.table({code: _text(ask, code) for code in fields})
    frame = table.to_pandas(types_mapper=None)
    twice = (frame.duplicated(keep=False) & frame.notna().any(axis=1)).to_numpy()
    rows, named = ask.rows[twice], "、".join(fields)
    shown = frame[twice].fillna("").agg(" ".join, axis=1).tolist() if twice.any() else []
    yield from ask.report.rows(
        rows, measured=shown, limit="唯一", unit="",
        zh=[f"{ask.layer.code} {one}: {named} = {value}, 与其他记录重复"
            for one, value in zip(ask.ids(rows), shown, strict=True)],
        en=[f"{ask.layer.code} {one}: {', '.join(fields)} = {value} occurs more than once"
            for one, value in zip(ask.ids(rows), shown, strict=True)],
        remedy=ask.remedy_zh or f"使 {named} 唯一",
    )  # fmt: skip


def at_least_area(ask: Ask) -> Iterator[Finding]:
    """The polygon measures at least ``minimum_m2`` in the delivered plane."""
    least = float(ask.values["minimum_m2"])
    shapes = ask.layer.on_earth[ask.rows]
    area = shapely.area(shapes) * ask.layer.metres_per_unit**2
    small = np.nan_to_num(area) < least
    rows = ask.rows[small & (shapely.get_dimensions(shapes) == 2)]
    areas = (shapely.area(ask.layer.on_earth[rows]) * ask.layer.metres_per_unit**2).round(2)
    yield from ask.report.rows(
        rows, measured=areas.tolist(), limit=least, unit="m²", geometry=ask.layer.on_earth[rows],
        zh=[f"{ask.layer.code} {one}: 面积 {value:.2f} m², 不足 {least:g} m²"
            for one, value in zip(ask.ids(rows), areas, strict=True)],
        en=[f"{ask.layer.code} {one}: area {value:.2f} m² is below {least:g} m²"
            for one, value in zip(ask.ids(rows), areas, strict=True)],
        remedy=ask.remedy_zh or "并入相邻图斑",
    )  # fmt: skip


def inside(ask: Ask) -> Iterator[Finding]:
    """The polygons lie inside the polygons of ``other``; what sticks out by more than 0.001 m is the finding."""
    other = ask.delivery.layers[ask.values["other"]]
    shapes = ask.layer.on_earth[ask.rows]
    tolerance = TOPOLOGY_TOLERANCE_M / ask.layer.metres_per_unit
    whole = overlay.union(_polygons(other), tolerance)
    doubtful = np.flatnonzero(~shapely.covers(prepared(whole), shapes) & (shapely.get_dimensions(shapes) == 2))
    yield from _pieces(ask, doubtful, overlay.difference(shapes[doubtful], whole, tolerance), (
        f"有 {{area:.2f}} m² 在 {other.code} 之外", f"{{area:.2f}} m² lies outside {other.code}", f"裁切到 {other.code} 之内",
    ))  # fmt: skip


def apart_from(ask: Ask) -> Iterator[Finding]:
    """The polygons do not overlap the polygons of ``other``; overlaps narrower than 0.001 m are noise."""
    other = ask.delivery.layers[ask.values["other"]]
    shapes, theirs = ask.layer.on_earth[ask.rows], _polygons(other)
    mine, hit = shapely.STRtree(theirs).query(shapes, predicate="intersects")
    order = np.argsort(mine, kind="stable")
    mine, hit = mine[order], hit[order]
    tolerance = TOPOLOGY_TOLERANCE_M / ask.layer.metres_per_unit
    common = overlay.intersection(shapes[mine], theirs[hit], tolerance)
    which, start = np.unique(mine, return_index=True)
    merged = np.array(
        [*(overlay.union(one, tolerance) for one in np.split(common, start[1:]) if len(one)), None], object
    )[:-1]
    yield from _pieces(ask, which, merged, (
        f"与 {other.code} 重叠 {{area:.2f}} m²", f"overlaps {other.code} by {{area:.2f}} m²", f"避让 {other.code}",
    ))  # fmt: skip


def _pieces(ask: Ask, positions: Rows, pieces: NDArray[np.object_], words: tuple[str, str, str]) -> Iterator[Finding]:
    parts, owner = significant_parts(pieces, TOPOLOGY_TOLERANCE_M / ask.layer.metres_per_unit)
    which, start = np.unique(owner, return_index=True)
    if not len(which):
        return
    merged = np.array(
        [
            *(
                overlay.union(one, TOPOLOGY_TOLERANCE_M / ask.layer.metres_per_unit)
                for one in np.split(parts, start[1:])
            ),
            None,
        ],
        object,
    )[:-1]
    rows = ask.rows[positions[which]]
    areas = (shapely.area(merged) * ask.layer.metres_per_unit**2).round(4)
    zh, en, remedy = words
    yield from ask.report.rows(
        rows, measured=areas.tolist(), limit=0, unit="m²", geometry=merged,
        zh=[f"{ask.layer.code} {one}: {zh.format(area=value)}"
            for one, value in zip(ask.ids(rows), areas, strict=True)],
        en=[f"{ask.layer.code} {one}: {en.format(area=value)}"
            for one, value in zip(ask.ids(rows), areas, strict=True)],
        remedy=ask.remedy_zh or remedy,
    )  # fmt: skip


def _polygons(layer: DeliveredLayer) -> NDArray[np.object_]:
    shapes = layer.on_earth[shapely.get_dimensions(layer.on_earth) == 2]
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return shapes


def _text(ask: Ask, code: str) -> pa.ChunkedArray:
    return ask.layer.arrow(code).take(pa.array(ask.rows)).cast(pa.string())


def _rows(ask: Ask, wrong: pa.ChunkedArray, text: pa.ChunkedArray | None = None) -> Rows:
    """Rows where ``wrong``; those with a blank ``text`` are passed over."""
    if text is not None:
        wrong = pc.and_(wrong, pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False))
    return ask.rows[np.array(wrong)]


def _given(ask: Ask, code: str, rows: Rows) -> list[str]:
    given: list[str] = ask.layer.arrow(code).take(pa.array(rows)).cast(pa.string()).to_pylist()
    return given


_NUMBER = (int, float)
FUNCTIONS: dict[str, tuple[Check, Values]] = {
    "filled": (filled, Values({"fields": list}, {}, fields=("fields",))),
    "one_of": (one_of, Values({"field": str, "values": list}, {}, fields=("field",))),
    "matches": (matches, Values({"field": str, "pattern": str}, {}, fields=("field",), patterns=("pattern",))),
    "within": (within, Values({"field": str}, {"minimum": _NUMBER, "maximum": _NUMBER, "unit": str}, fields=("field",))),
    "unique": (unique, Values({"fields": list}, {}, fields=("fields",))),
    "at_least_area": (at_least_area, Values({"minimum_m2": _NUMBER}, {})),
    "inside": (inside, Values({"other": str}, {}, layers=("other",))),
    "apart_from": (apart_from, Values({"other": str}, {}, layers=("other",))),
}  # fmt: skip
