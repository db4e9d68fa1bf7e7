"""What reading a VCT file had to put up with, in both languages: every tolerance is a note on the layer. 读取备注."""

from __future__ import annotations

from kunyu.engines.ingest.source_layers import Note
from kunyu.engines.ingest.vct.records import Flaws

TEXTS: dict[str, tuple[str, str]] = {
    "not_ended": ("最后一个图形记录缺少结束的 0", "the last geometry record lacks the 0 that ends it"),
    "count_differs": ("坐标点数与声明不符, 按实际点数读取", "coordinate counts differ from the lines that follow; those lines count"),
    "directed_point": ("有向点只读第一个坐标", "of directed points only the first coordinate is read"),
    "separators_not_counted": ("对象项数没有计入环间的 0", "counts of line numbers leave out the 0 between rings"),
    "heights": ("坐标有第三个值, 没有读取", "coordinates have a third value, which is not read"),
    "bad_form": ("图形记录的格式无法识别, 几何为空", "records of unknown form, no geometry"),
    "bad_count": ("图形记录的数目与内容不符, 几何为空", "records whose counts contradict their lines, no geometry"),
    "bad_long": ("图形记录过长, 几何为空", "records too long to read, no geometry"),
    "bad_empty": ("图形记录没有坐标, 几何为空", "records without coordinates, no geometry"),
    "bad_curve": ("曲线 (圆弧、椭圆、样条等) 不支持, 几何为空", "curves (arcs, ellipses, splines) are not supported, no geometry"),
    "bad_polygons": ("由面构成的面 (22) 不支持, 几何为空", "polygons made of polygons (22) are not supported, no geometry"),
    "bad_id": ("对象标识码不是整数, 无法与属性对应", "object numbers that are no integers: attributes cannot be matched"),
    "bad_reference": ("引用的线标识码不是整数, 几何为空", "line numbers that are no integers, no geometry"),
    "bad_coordinates": ("坐标不是数, 读作 NaN", "coordinates that are no numbers are read as NaN"),
    "missing_lines": ("面引用的线不存在, 几何为空", "polygons name lines that do not exist, no geometry"),
    "row_values": ("属性行的值数与字段数不符", "attribute rows with more or fewer values than fields"),
    "bad_row_id": ("属性行没有整数的对象标识码, 无法与图形对应", "attribute rows without an object number: no geometry found for them"),
    "quoted_values": ("属性值带引号, 已去除", "attribute values stand in quotes, which were removed"),
    "no_structure": ("属性表没有结构声明, 字段按顺序命名", "no structure declares the table; its fields are numbered"),
    "field_count": ("表结构声明的字段数与列出的不符", "the structure announces another number of fields than it lists"),
    "duplicate_objects": ("对象标识码重复, 按出现次序对应", "object numbers come twice; matched in order of appearance"),
    "duplicate_rows": ("属性行的对象标识码重复", "object numbers of attribute rows come twice"),
    "renamed_fields": ("字段名重复, 已加序号", "fields of the same name got a number"),
    "directions_mended": ("构成环的线方向有误, 已按首尾相接改正", "lines of a ring ran the wrong way and were turned so that they meet"),
    "lines_apart": ("构成环的线首尾不相接", "lines of a ring that do not meet"),
    "rings_not_closed": ("环不闭合", "rings that are not closed"),
    "holes_by_place": ("环的方向一致, 按位置判断为洞", "rings that all run the same way; those inside another were taken for holes"),
    "objects_without_row": ("图形对象没有属性行, 属性为空", "objects without an attribute row; their attributes are empty"),
    "rows_without_object": ("属性行没有图形对象, 几何为空", "attribute rows without an object; they have no geometry"),
}  # fmt: skip


def flaw_notes(layer: str, flaws: Flaws) -> tuple[Note, ...]:
    """Return the notes of a layer, with how often and in which line first."""
    return tuple(_note(code, layer, *what) for code, what in flaws.found.items() if code in TEXTS)


def _note(code: str, layer: str, count: int, line: int) -> Note:
    zh, en = TEXTS[code]
    where_zh, where_en = (f", 首见第 {line} 行", f", first in line {line}") if line else ("", "")
    return Note(code, f"图层 {layer}: {zh} ({count} 处{where_zh})", f"Layer {layer}: {en} ({count} times{where_en})")
