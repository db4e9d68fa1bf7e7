"""What a conversion could not keep, counted per layer and field, in both languages. 转换损失."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEXTS: dict[str, tuple[str, str]] = {
    "separators": ("值中的半角分隔符改成了全角“，”", "separators inside values became full-width ones"),
    "line_breaks": ("值中的换行改成了空格", "line breaks inside values became spaces"),
    "empty_texts": ("空文本写成空值, 读回为空 (NULL)", "empty text is written as nothing and reads back as null"),
    "beyond_gbk": ("字符超出 GBK, 按 GB18030 写出", "characters outside GBK, written as GB18030"),
    "not_utf8": ("文本不是 UTF-8, 无法识别的字节已替换", "text that is no UTF-8: unreadable bytes were replaced"),
    "not_finite_numbers": ("NaN 或无穷的数值写成空值", "numbers that are NaN or infinite are written as nothing"),
    "fractions": ("时间不足一秒的部分没有写出", "fractions of a second are not written"),
    "binary_fields": ("二进制字段没有写出", "binary fields are not written"),
    "booleans": ("布尔值写成 0 和 1", "booleans are written as 0 and 1"),
    "curves": ("曲线几何没有写出, 请先折线化", "curved geometries are not written; turn them into line strings first"),
    "heights": ("高程和量测值没有写出", "heights and measures are not written"),
    "not_finite_geometries": ("坐标为 NaN 或无穷的几何没有写出", "geometries with NaN or infinite coordinates are not written"),
    "short_rings": ("少于 2 个点的环或线没有写出", "rings and lines of fewer than two points are not written"),
    "other_kinds": ("与图层几何类型不同的几何没有写出", "geometries of another kind than the layer's are not written"),
    "moved_vertices": ("坐标小数位多于写出位数, 已取舍", "coordinates with more decimals than are written were rounded"),
    "turned_rings": ("环的方向调整为外环与内环相反", "rings were turned so that holes run against their outer ring"),
    "unclear_parts": ("多部分面的部分嵌套或无面积, 读回可能成为洞", "nested or flat parts of a multipart polygon may read back as holes"),
    "joined_parts": ("首尾相接的多部分线读回为一条线", "parts of a line that join end to start read back as one"),
    "bad_numbers": ("不是数的值没有写出", "values that are no numbers are not written"),
    "bad_dates": ("不是日期的值没有写出", "values that are no dates are not written"),
    "renamed_fields": ("字段名重复, 已改名", "fields of the same name were renamed"),
    "crs_unknown": ("坐标系未知, 文件头没有写明", "the coordinate system is unknown; the header does not give it"),
}  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """One kind of loss in one layer (and field): how often, and an example or the largest value."""

    code: str
    layer: str
    field: str | None
    count: int
    example: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it with its texts."""
        zh, en = TEXTS[self.code]
        return {
            "code": self.code, "layer": self.layer, "field": self.field, "count": self.count, "example": self.example,
            "zh": zh, "en": en,
        }  # fmt: skip


@dataclass
class Losses:
    """Collects losses while a file is written."""

    found: dict[tuple[str, str, str | None], tuple[int, str | None]] = field(default_factory=dict)

    def add(self, code: str, layer: str, count: int, field_name: str | None = None, example: str | None = None) -> None:
        """Count a loss; the first example stays."""
        if not count:
            return
        before, shown = self.found.get((code, layer, field_name), (0, None))
        self.found[code, layer, field_name] = (before + int(count), shown or example)

    def listed(self) -> tuple[Loss, ...]:
        """Losses in the order in which they were met."""
        return tuple(Loss(*key, *value) for key, value in self.found.items())
